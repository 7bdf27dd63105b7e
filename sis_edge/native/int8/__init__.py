"""Chains of layers in INT8: the arithmetic, its numpy reference, and the bytes that the operator reads.

chain.py      a quantised chain as plain arrays
reference.py  what it answers, by numpy: the same bits as the kernels on every processor
blob.py       its bytes (`../c/int8_network.h` describes them)
geometry.py   how the kernels cut maps and rows
work.py       what they do for a layer, counted
probes.py     the networks that a calibration times
costs.py      what a network costs on a board
"""

from sis_edge.native.int8.chain import MOST_VALUE, Int8Chain, Int8Layer

__all__ = ["MOST_VALUE", "Int8Chain", "Int8Layer"]
