"""Sparse convolution on a processor: kernels in C, how they are compiled for a board, and when they pay.

c/              the kernels and their ONNX Runtime operator, one library for each architecture: float32, fp16, INT8
toolchain.py    the compilers that may build it
build.py        the library for a board, compiled once for the same sources
winograd.py     Winograd's algorithm: its matrices, and how the kernels cut layers into tiles
int8/           chains in INT8: their arithmetic, numpy reference, bytes and costs
blob.py         a chain of layers as the bytes that the operator reads
probes.py       the layers that a calibration times; the agent does it (sis_agent/native)
widths.py       the networks of other widths that they are of
calibrations.py calibrations of boards that are kept
costs.py        what a layer costs: a linear model of counted work (work.py), fitted to a calibration (fitting.py)
choice.py       for each layer the cheapest of what can compute it
predict.py      whether a network will be faster than the dense one
"""
