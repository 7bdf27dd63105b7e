"""A calibration in a moment: some probes of each kind, and an agent that takes a tenth of the time for each."""

import pytest

from sis_agent.calibration import calibrate as calibration
from sis_edge.board import agent_archive, agent_source
from sis_edge.native import probes
from sis_edge.native.int8 import probes as int8_probes


def _hasty(source: bytes) -> bytes:
    return agent_source.without_docstrings(source).replace(b"\nEACH_S = 0.3\n", b"\nEACH_S = 0.03\n")


def make_hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change what a calibration times, and how long."""
    assert calibration.EACH_S == 0.3
    monkeypatch.setattr(agent_archive, "without_docstrings", _hasty)
    monkeypatch.setattr(probes, "NATIVE", probes.NATIVE[2::4])
    monkeypatch.setattr(probes, "DENSE", (*probes.SMALL, probes.WHOLE_NIN))
    monkeypatch.setattr(int8_probes, "INT8", int8_probes.INT8[-1:])
