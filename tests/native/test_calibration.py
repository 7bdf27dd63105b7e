"""Calibrating a board through the agent, and what is kept of it. No speed is asserted."""

import platform
from pathlib import Path

import numpy as np
import onnx
import pytest
from permissions import open_to_others

from sis_agent.calibration import calibrate as calibration
from sis_agent.native.library import Library
from sis_edge import profiles
from sis_edge.board import calibrate
from sis_edge.board.agent_client import AgentClient
from sis_edge.cli import run
from sis_edge.errors import BoardError, RecordError
from sis_edge.native import calibrations, costs, nodes, probes, work
from sis_edge.native.int8 import probes as int8_probes
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import LocalTransport

from .hasty import make_hasty


@pytest.fixture
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    make_hasty(monkeypatch)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(calibrations, "default_folder", lambda: tmp_path / "calibrations")
    monkeypatch.setattr(calibrate, "connect", lambda host: LocalTransport(tmp_path / "board"))
    monkeypatch.setattr("sis_edge.transport.connect", lambda *_, **__: LocalTransport(tmp_path / "board"))
    return tmp_path / "calibrations"


@pytest.mark.parametrize("threads", [1, 2])
def test_native_probes_have_the_stages_that_are_counted(library: Library, threads: int) -> None:
    some = (probes.NATIVE[3], *probes.NATIVE[-5::2])
    for name in library.instruction_sets():
        given = calibration.Probes({probe.name: probe.blob() for probe in some}, {}, {})
        found = calibration.time_probes(library, given, name, threads, each_s=0.01)["native"]
        for probe in some:
            assert len(found[probe.name]) == probe.stage_count
            assert all(seconds > 0 for seconds in found[probe.name])


def test_the_stages_of_a_chain_are_those_of_its_plan(library: Library) -> None:
    for probe in (probes.NATIVE[3], *probes.NATIVE[-5:]):
        with library.chain(probe.blob()) as chain:
            images, outputs = (np.zeros((1, *shape), np.float32) for shape in (chain.input_shape, chain.output_shape))
            seen = [layer for layer, _ in chain.profile(images, outputs)]
        own = [at for at, stage in enumerate(probe.stages) if isinstance(stage, int)]
        assert [seen[at] for at in own] == [stage for stage in probe.stages if isinstance(stage, int)]
        for at, stage in enumerate(probe.stages[:-1]):
            if isinstance(stage, work.Copy):
                assert seen[at] == probe.stages[at + 1], "a copy brings the maps to the next layer"


@pytest.mark.parametrize("threads", [1, 2])
def test_dense_probes_are_networks_that_onnx_runtime_takes_apart(library: Library, threads: int) -> None:
    some = (*probes.SMALL, probes.DENSE[-5])
    models = {probe.name: probe.onnx() for probe in some}
    for model in models.values():
        onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    plain = {probe.name: probe.onnx() for probe in (probes.REST, probes.SMALL[0])}
    chain = {probes.NATIVE[2].name: probes.NATIVE[2].blob()}
    given = calibration.Probes(chain, models, plain)
    found = calibration.time_probes(library, given, threads=threads, each_s=0.05)
    assert found["plain"].keys() == plain.keys()
    assert all(seconds > 0 for seconds in found["plain"].values())
    assert found["native"].keys() == chain.keys()
    assert found["dense"].keys() == models.keys()
    for probe in some:
        operators, seconds = found["operators"][probe.name], found["dense"][probe.name]
        assert len(seconds) == len(operators)
        times = nodes.of_layers(nodes.Nodes(operators, seconds), 0.0)
        assert len(times) == len(probe.layers)
        assert all(own_s > 0 for own_s, _ in times)
        assert [pool_s > 0 for _, pool_s in times] == [layer.pool > 1 for layer in probe.layers]


def test_the_probes_are_a_small_archive(tmp_path: Path) -> None:
    path = tmp_path / "probes.zip"
    path.write_bytes(probes.archive())
    found = calibration.read_probes(str(path))
    assert found.native == {probe.name: probe.blob() for probe in probes.NATIVE}
    assert list(found.dense) == [probe.name for probe in probes.DENSE]
    assert list(found.plain) == [probe.name for probe in probes.PLAIN]
    assert path.stat().st_size < 3e6, "it goes to a board"


def test_a_board_is_measured_once(few_probes: None, cache: Path) -> None:
    board, transport = profiles.load("local"), LocalTransport(cache.parent / "board")
    said: list[str] = []
    first = calibrate.calibrate(transport, board, say=said.append)
    count = len(probes.NATIVE) + len(probes.DENSE) + len(probes.PLAIN) + len(int8_probes.INT8)
    assert said == [f"timing {count} small networks on local, one core"]
    assert list((cache.parent / "board/.sis-edge/calibration").iterdir())
    assert open_to_others(cache.parent / "board/.sis-edge") == []
    assert first.other_cores is not None
    assert first.threads == 1
    assert first.fit_error == costs.fit(first).fit_error
    assert costs.fit(first).run_s >= 0
    assert first.library.startswith(first.library.partition("-")[0] + "-")
    assert calibrate.calibrate(transport, board, say=said.append) == first
    assert calibrate.known(board, say=said.append) == first
    assert calibrations.of_profile("local", 1) == first
    assert len(said) == 1
    again = calibrate.calibrate(transport, board, again=True, say=said.append)
    assert again.digest != first.digest
    assert calibrations.of_profile("local", 1) == again


@pytest.mark.slow
def test_as_many_threads_as_the_profile_computes_with(few_probes: None, cache: Path) -> None:
    local, transport = profiles.load("local"), LocalTransport(cache.parent / "board")
    board = local.model_copy(update={"runtime": local.runtime.model_copy(update={"threads": [2, 1]})})
    found = calibrate.calibrate(transport, board)
    assert found.threads == 2
    assert found.basis.endswith(", 2 threads")
    assert calibrate.calibrate(transport, board) == found
    assert calibrate.calibrate(transport, local).threads == 1
    calibrations.save(found, cache / "two.json", "raspberry-pi-4")
    with pytest.raises(
        RecordError, match=r"is for 2 threads, and the profile raspberry-pi-4 uses 4 threads; `sis-edge"
    ):
        calibrations.of_profile("raspberry-pi-4", 4)


def test_other_kernels_other_run_time_other_processor_other_file(tmp_path: Path) -> None:
    parts = {"library": "x86_64-0", "onnxruntime": "1.20.0", "board": "b", "cpu": "c", "features": ["avx2"]}
    changes = {"library": "x86_64-1", "onnxruntime": "1.21.0", "board": "d", "cpu": "e", "features": ["avx512f"]}
    parts, changes = parts | {"threads": 1}, changes | {"threads": 4}
    places = {calibrations.place(tmp_path, **parts | {name: value}) for name, value in changes.items()}  # type: ignore[arg-type]
    assert len(places | {calibrations.place(tmp_path, **parts)}) == 7  # type: ignore[arg-type]
    # Names that differ behind their first 48 letters only, which is all that the file's name shows.
    alike = {calibrations.place(tmp_path, **parts | {"cpu": "c" * 48 + last}) for last in "ab"}  # type: ignore[arg-type]
    assert len(alike) == 2


def test_a_calibration_of_other_kernels_is_not_used(few_probes: None, cache: Path) -> None:
    found = calibrate.known(profiles.load("local"))
    old = found.model_copy(update={"library": found.library[:-4] + "0000"})
    calibrations.save(old, cache / "old.json", "raspberry-pi-4")
    with pytest.raises(RecordError, match=r"is for other kernels.*`sis-edge calibrate --host HOST --profile raspberry"):
        calibrations.of_profile("raspberry-pi-4", 1)


def profile_of_this_machine(**board: object) -> DeviceProfile:
    """A profile without a particular model, as x86-64 and aarch64 are."""
    local = profiles.load("local")
    named = {"architecture": platform.machine(), "model": "any", "matches": [], **board}
    return local.model_copy(update={"name": "general", "board": local.board.model_copy(update=named)})


@pytest.mark.slow
def test_a_build_calibrates_this_machine_once_where_it_fits_the_profile(few_probes: None, cache: Path) -> None:
    board = profile_of_this_machine()
    said: list[str] = []
    found = calibrate.for_build(board, say=said.append)
    assert found is not None
    assert calibrations.of_profile("general", 1) == found
    assert said[0].startswith("this machine fits the profile general, which has no current calibration: calibrating")
    assert "`sis-edge calibrate --host HOST --profile general`" in said[0]
    assert len(said) == 2
    assert calibrate.for_build(board, say=said.append) == found
    assert len(said) == 2
    old = found.model_copy(update={"library": found.library[:-4] + "0000"})
    calibrations.save(old, cache / "old.json", "general")
    assert calibrate.for_build(board, say=said.append) == found, "this machine's own is brought up to date"
    calibrations.save(old.model_copy(update={"board": "another"}), cache / "old.json", "general")
    assert calibrate.for_build(board, say=said.append) is None, "one of another machine is not replaced"
    assert said[-1].startswith("not calibrated: the calibration of another is for other kernels than")


@pytest.mark.parametrize(
    "board",
    [
        {"architecture": "aarch64" if platform.machine() == "x86_64" else "x86_64"},
        {"matches": ["Raspberry Pi 400"]},
        {"cpu_count": 1000},
        {"memory_bytes": 10**15},
    ],
)
def test_a_build_for_another_board_does_not_calibrate_this_machine(
    board: dict[str, object], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "matches" in board:
        facts = AgentClient.facts
        monkeypatch.setattr(AgentClient, "facts", lambda self: facts(self)._replace(model="a PC"))
    said: list[str] = []
    assert calibrate.for_build(profile_of_this_machine(**board), say=said.append) is None
    assert not said
    assert not cache.exists()


def test_a_build_for_a_simulated_board_calibrates_nothing(cache: Path, tmp_path: Path) -> None:
    board = profile_of_this_machine()
    simulated = board.model_copy(update={"agent": board.agent.model_copy(update={"sysroot": str(tmp_path)})})
    assert calibrate.for_build(simulated, say=pytest.fail) is None


def test_a_simulated_board_is_not_calibrated(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    local = profiles.load("local")
    board = local.model_copy(update={"agent": local.agent.model_copy(update={"sysroot": str(tmp_path / "tree")})})
    with pytest.raises(BoardError, match="is simulated: its speed says nothing about a board"):
        calibrate.calibrate(LocalTransport(tmp_path / "board"), board)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"calibration_version": 3}', "\x00"])
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(RecordError, match="calibrate the board again"):
        calibrations.read(path)


def test_an_older_calibration_is_told(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"calibration_version": 2}')
    with pytest.raises(RecordError, match="has another version than 3"):
        calibrations.read(tmp_path / "old.json")


def test_the_commands(
    few_probes: None, cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(costs, "LARGE_ERROR", 10.0)
    monkeypatch.setattr(costs, "OTHER_CORES", 1000.0)
    assert run(["calibrate"]) == 0
    shown, told = capsys.readouterr()
    assert "GFLOP/s" in shown
    assert "cost-model error" in shown
    assert "Warning" not in told
    assert max(map(len, shown.splitlines())) <= 80
    monkeypatch.setattr(costs, "LARGE_ERROR", 0.0)
    assert run(["predict", "--profile", "local", "--preset", "svhn-sis3", "--granularity", "block"]) == 0
    shown, told = capsys.readouterr()
    assert told.startswith("Warning: the calibration of ")
    assert len(told.splitlines()) == 1
    table = shown[: shown.index("One image")].splitlines()
    assert max(map(len, table)) <= 80
    assert [line.split()[0] for line in table if line[:1] in ("C", "M")] == [
        *("C1", "MP1a", "MP1b", "C2", "MP2a", "MP2b", "C3", "MP3a", "MP3b")
    ]
    assert "on this board: " in shown
    assert run(["predict", "--profile", "raspberry-pi-4", "--preset", "cifar10-sis1"]) == 9
    error = capsys.readouterr().err
    assert "`sis-edge calibrate --host HOST --profile raspberry-pi-4`" in error
    assert len(error.splitlines()) == 1
