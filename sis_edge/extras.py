"""The optional parts of sis-edge, each named by what it is for, and the command that adds one to this installation."""

import importlib.util
import shlex
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Extra:
    """An optional part: the module that it brings, and what it is for."""

    module: str
    purpose: str


EXTRAS = {
    "native": Extra("ziglang", "sparse kernels for boards of another architecture"),
    "tflite": Extra("ai_edge_litert", ".tflite models on this machine"),
    "rtx": Extra("tensorrt_rtx", "engines for desktop GPUs"),
    "discover": Extra("zeroconf", "boards by multicast DNS"),
    "history": Extra("ruptures", "change points of history"),
    "query": Extra("duckdb", "SQL over stored runs"),
    "pdf": Extra("vl_convert", "charts as PDF"),
    "ray": Extra("ray", "sweeps and fleets on a cluster"),
}
"""Those of pyproject.toml but `all`, which is all of these but `rtx`: that is proprietary, and for GPUs only."""


def is_installed(name: str) -> bool:
    """Whether what the extra brings can be imported; it is not imported for that."""
    return importlib.util.find_spec(EXTRAS[name].module) is not None


def adding(name: str) -> str:
    """The command that adds an extra to the environment in which this sis-edge runs."""
    if name not in EXTRAS:
        raise KeyError(name)
    return installing(f"sis-edge[{name}]")


def installing(*words: str) -> str:
    """The command that installs packages there: with pip, or with uv, whose environments have no pip."""
    python = shlex.quote(sys.executable)
    packages = " ".join(shlex.quote(word) for word in words)
    if importlib.util.find_spec("pip") is None:
        return f"uv pip install --python {python} {packages}"
    return f"{python} -m pip install {packages}"
