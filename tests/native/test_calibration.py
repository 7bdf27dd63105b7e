"""Measuring probes on this machine: that it measures and keeps. No speed is asserted."""

import json
from pathlib import Path

import onnx
import pytest

from sis_agent.native import calibration
from sis_agent.native.library import Library
from sis_edge.errors import RecordError
from sis_edge.native import costs, predict, probes


def test_native_probes_have_three_stages(library: Library) -> None:
    some = {probe.name: probe.blob() for probe in probes.NATIVE[::9]}
    for name in library.instruction_sets():
        found = calibration.time_native(library, some, name)
        assert {len(stages) for stages in found.values()} == {3}
        assert all(seconds > 0 for stages in found.values() for seconds in stages)


def test_dense_probes_are_networks_that_onnx_runtime_runs() -> None:
    some = {probe.name: probe.onnx() for probe in (*probes.DENSE[::8], probes.DENSE[-1])}
    for model in some.values():
        onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    assert all(len(found) == 1 and found[0] > 0 for found in calibration.time_dense(some).values())


@pytest.mark.slow
def test_this_machine_is_calibrated_once(tmp_path: Path, library_path: Path) -> None:
    (tmp_path / library_path.parent.name).symlink_to(library_path.parent)
    first = predict.calibrate_here("Some CPU @ 3 GHz", tmp_path)
    assert costs.fit(first).run_s >= 0
    assert predict.calibrate_here("Some CPU @ 3 GHz", tmp_path) == first
    (path,) = (tmp_path / "calibrations").iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"calibration_version": 0}))
    with pytest.raises(RecordError, match="another version than 1"):
        predict.read_calibration(path)
    assert predict.calibrate_here("Some CPU @ 3 GHz", tmp_path) != first


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"calibration_version": 1}', "\x00"])
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(RecordError, match="calibrate the board again"):
        predict.read_calibration(path)
