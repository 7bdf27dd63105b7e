"""Sparse convolution on a processor: kernels in C, how they are compiled for a board, and when they pay.

c/              the kernels and their ONNX Runtime operator, one library for each architecture
toolchain.py    the compilers that may build it
build.py        the library for a board, compiled once for the same sources
blob.py         a chain of layers as the bytes that the operator reads
library.py      the built library from Python, standard library only
calibration.py  a board's costs, measured by library.py and ONNX Runtime
costs.py        what a layer costs: a linear model of counted work
choice.py       for each layer the cheapest of what can compute it
"""
