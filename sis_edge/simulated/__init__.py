"""Simulated boards: file trees and replacement tools, whose values change over time and follow the job.

A simulated board is this machine as a board whose agent reads another file tree, through the same `--sysroot` that it
has for any. Networks really run, on this machine; sensor values come from a model with a known truth. So every record
of such a board is marked `simulated`.
"""

from sis_edge.simulated.board import NamedTransport, SimulatedBoard, Truth, all_folders, board, named_profile
from sis_edge.simulated.definition import Definition, load, names

__all__ = [
    "Definition",
    "NamedTransport",
    "SimulatedBoard",
    "Truth",
    "all_folders",
    "board",
    "load",
    "named_profile",
    "names",
]
