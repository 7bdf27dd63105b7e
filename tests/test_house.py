"""The host's rooms: imports point downwards only, names stand for one thing, nothing grows beyond a readable size."""

from pathlib import Path

from imports import Source, misdirected

import sis_agent
import sis_edge

HOST = Source("sis_edge", Path(sis_edge.__file__).parent)
AGENT = Source("sis_agent", Path(sis_agent.__file__).parent)

# From the ground up. A room imports from the tiers before its own, and from a neighbour only where SAME_TIER lists it.
TIERS = (
    "__init__ errors spec files registries",
    "bundles formation datasets transport",
    "backends",
    "profiles",
    "native simulated",
    "models",
    "exporting training",
    "results",
    "board",
    "report zoo",
    "build sweep",
    "front cli",
    "__main__",
)

SAME_TIER = {
    ("__init__", "front"),
    ("files", "errors"),
    ("registries", "files"),
}


def faults(source: Source) -> list[str]:
    return misdirected([found for found in source.imports() if not found.for_types], "sis_edge", TIERS, SAME_TIER)
