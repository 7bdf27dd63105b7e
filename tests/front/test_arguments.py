"""Errors of the Python API name its arguments."""

from pathlib import Path
from typing import Any

import pytest

import sis_edge
from sis_edge.errors import SisEdgeError
from sis_edge.front.arguments import in_arguments


def test_measure_speaks_of_what_it_takes(tmp_path: Path) -> None:
    network = sis_edge.train(sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron"), epochs=1, limit=64)
    made = sis_edge.bundle({"mine": network}, reference="mine", folder=tmp_path, test_images=32)
    arguments: tuple[tuple[dict[str, Any], str], ...] = (
        ({"rate_hz": 5.0}, "rate_hz paces the calls of sustained work: say with sustain_s for how long"),
        ({"sustain_s": 0.5}, "sustain_s is 0.5 s, and must be from"),
        ({"threads": 1000}, "threads is 1000, and a job on"),
    )
    for given, sentence in arguments:
        with pytest.raises(SisEdgeError) as caught:
            sis_edge.measure(made, length="quick", runs_dir=tmp_path / "runs", **given)
        assert sentence in str(caught.value)
        assert "--" not in str(caught.value)


def test_what_is_no_argument_of_it_stays() -> None:
    arguments = {"batch_size": "", "rate_hz": "", "backends": "", "networks": "", "trust": "=True"}
    assert in_arguments("--batch-size is 4", arguments) == "batch_size is 4"
    assert in_arguments("choose with --backend a,b or --shape x", arguments) == "choose with backends a,b or --shape x"
    assert in_arguments("type `sis-edge deploy --rate 5`, not --rate", arguments) == (
        "type `sis-edge deploy --rate 5`, not rate_hz"
    )
    assert in_arguments("give --trust if you do", arguments) == "give trust=True if you do"
    assert in_arguments("x--rate and ---rate", arguments) == "x--rate and ---rate"
