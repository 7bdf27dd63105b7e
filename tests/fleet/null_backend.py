"""The agent's runtime that computes nothing, as a runtime that a profile may name."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from outside import write_distribution

from sis_agent.schema import NetworkJob
from sis_edge.backends.base import Backend, Target, network_job
from sis_edge.bundles.identity import PLAIN
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.registries import BACKENDS

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]


class NullBackend(Backend):
    """The null runner's side of the host."""

    name = "null"
    title = "Null"
    table = "null"

    def jobs(self, entry: NetworkEntry, target: Target) -> list[NetworkJob]:
        """The network as it is."""
        return [network_job(entry, PLAIN, "fp32", entry.model, entry.golden_logits)]


NULL = NullBackend()


def register_null(patch: "pytest.MonkeyPatch") -> None:
    """Make it a runtime that a profile may name, until the patch is undone."""
    for held in ("_targets", "_loaded", "_registered"):
        patch.setattr(BACKENDS, held, getattr(BACKENDS, held).copy())
    BACKENDS.register("null", NULL)


def python_path(folder: Path) -> str:
    """A PYTHONPATH with which other processes have this runtime, too."""
    write_distribution(folder, {}, {"sis_edge.backends": {"null": "tests.fleet.null_backend:NULL"}}, "null-backend")
    return os.pathsep.join([str(folder), str(ROOT), str(ROOT / "tests"), *filter(None, sys.path)])
