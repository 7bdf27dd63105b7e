"""Boards that are not there: file trees and stand-ins for tools, whose values move in time and follow the job.

A simulated board is this machine as a board whose agent looks at another file tree, through the same `--sysroot` that
it has for any. Networks really run, on this machine; what the sensors say comes from a model with a known truth. So
everything that such a board's record shows carries `simulated`.
"""

from sis_edge.simulated.board import SimulatedBoard, Truth, board
from sis_edge.simulated.definition import Definition, load, names

__all__ = ["Definition", "SimulatedBoard", "Truth", "board", "load", "names"]
