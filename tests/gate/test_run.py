"""A gate from its two sides to a result, with jobs that are made from a seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from gate.runs import gate_run, stored
from sis_agent.schema import Problem
from sis_edge.board.jobs import MeasuringOptions
from sis_edge.board.measure import StoredFile
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import BoardError, RecordError, UsageError
from sis_edge.gate.environment import differences
from sis_edge.gate.limits import Limits
from sis_edge.gate.measurer import Measurer
from sis_edge.gate.result import GateResult, Rules
from sis_edge.gate.run import against, together
from sis_edge.gate.sides import GateSide
from sis_edge.results.schema import StoredRun
from sis_edge.transport import LocalTransport


class Jobs:
    """Stands for a board: a run for each measurement, by how much the candidate is slower then."""

    def __init__(self, *slower: float, run: StoredRun | None = None) -> None:
        self.slower = slower
        self.run = run
        self.turns: list[int] = []
        self.measured: list[Sequence[str] | None] = []

    def __call__(self, bundle: Bundle, networks: Sequence[str] | None, turn: int) -> list[StoredFile]:
        self.turns.append(turn)
        self.measured.append(networks)
        names = (bundle.manifest.names * 2)[:2]
        run = self.run or gate_run(self.slower[turn], seed=turn, names=(names[0], names[1]))
        return [stored(run, f"run-{turn}.json")]

    def like(self, reference: StoredRun) -> "Jobs":
        return self

    def unlike(self, reference: StoredRun, bundle: Bundle, networks: Sequence[str]):
        return ()


@pytest.fixture
def sides(tmp_path: Path) -> tuple[GateSide, GateSide]:
    return GateSide("old", tiny_bundle(tmp_path / "old")), GateSide("new", tiny_bundle(tmp_path / "new"))


def gated(sides: tuple[GateSide, GateSide], jobs: Jobs, tmp_path: Path, rules: Rules | None = None) -> GateResult:
    return together(*sides, jobs, tmp_path / "joined", rules or Rules(), ["dense"])


def test_what_is_as_fast_passes_after_one_job(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    jobs = Jobs(0.0)
    result = gated(sides, jobs, tmp_path)
    assert result.passed
    assert jobs.turns == [0]
    assert {each.network for each in result.findings} == {"dense"}
    assert (result.base, result.candidate, result.interleaved) == ("old", "new", True)
    assert result.headline == "PASSED: 2 not measured, 3 ok"


def test_a_slower_one_is_stopped_after_a_second_job(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    jobs = Jobs(0.05, 0.05)
    result = gated(sides, jobs, tmp_path)
    assert jobs.turns == [0, 1]
    assert [each.metric.name for each in result.stopping] == ["latency"]
    assert "confirmed by a second measurement" in result.stopping[0].reason
    assert [each.path.name for each in result.runs] == ["run-0.json", "run-1.json"]


def test_what_a_second_job_does_not_confirm_stops_nothing(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    result = gated(sides, Jobs(0.05, 0.0), tmp_path)
    assert result.passed
    assert result.findings[0].state == "undecided"
    strict = gated(sides, Jobs(0.05, 0.0), tmp_path / "again", Rules(undecided_fails=True))
    assert not strict.passed


def test_a_required_metric_that_no_sensor_shows_stops_it(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    result = gated(sides, Jobs(0.0), tmp_path, Rules(required=frozenset({"energy"})))
    assert [(each.metric.name, each.state) for each in result.stopping] == [("energy", "not measured")]


def test_a_job_that_failed_decides_nothing(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    run = gate_run(names=("base/dense", "candidate/dense"))
    run = run.model_copy(update={"record": run.record._replace(problem=Problem("time", "it took too long"))})
    with pytest.raises(BoardError, match="the job failed: it took too long; nothing was decided"):
        gated(sides, Jobs(run=run), tmp_path)


def test_a_simulated_board_is_named(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    run = gate_run(names=("base/dense", "candidate/dense"))
    run = run.model_copy(update={"record": run.record._replace(simulated=True)})
    assert "the board of run-0.json is simulated" in gated(sides, Jobs(run=run), tmp_path).notes


REFERENCE = gate_run(names=("dense", "sparse"), kind="steady", rounds=40)


def test_against_a_stored_run_only_the_candidate_is_measured(sides: tuple[GateSide, GateSide]) -> None:
    slow = gate_run(names=("dense", "sparse"), kind="steady", rounds=40, seed=3)
    jobs = Jobs(run=slow)
    result = against(stored(REFERENCE, "before.json"), sides[1], jobs, Rules(), ["dense"])
    assert jobs.measured[0] == ["dense"]
    assert (result.base, result.interleaved) == ("runs/before.json", False)
    assert result.findings[0].metric.name == "latency"
    assert result.notes[0].startswith("base and candidate were not measured in one job")


def of_another_board() -> StoredRun:
    facts = REFERENCE.record.facts_before._replace(cpu_model="another", kernel="5.10")
    return REFERENCE.model_copy(update={"record": REFERENCE.record._replace(facts_before=facts)})


def test_another_board_is_refused_by_name_and_forced_only_with_a_note(sides: tuple[GateSide, GateSide]) -> None:
    reference = stored(REFERENCE, "before.json")
    with pytest.raises(RecordError) as raised:
        against(reference, sides[1], Jobs(run=of_another_board()), Rules(), ["dense"])
    known = REFERENCE.record.facts_before.cpu_model
    assert f"runs/before.json is not comparable: processor: {known} in the reference, another now;" in str(raised.value)
    assert "kernel" not in str(raised.value)
    forced = against(reference, sides[1], Jobs(run=of_another_board()), Rules(), ["dense"], force=True)
    assert f"not comparable, and --force was given: processor: {known} in the reference, another now" in forced.notes
    assert any(note.startswith("not alike: kernel: ") for note in forced.notes)


def test_what_is_known_before_the_job_is_refused_before_it(sides: tuple[GateSide, GateSide]) -> None:
    jobs = Jobs(0.0)
    record, other = REFERENCE.record, of_another_board().record
    unlike = differences((record.facts_before, record.job), (other.facts_before, other.job))
    jobs.unlike = lambda reference, bundle, networks: unlike
    with pytest.raises(RecordError, match="not comparable"):
        against(stored(REFERENCE), sides[1], jobs, Rules(), ["dense"])
    assert jobs.turns == []


def test_the_candidate_is_measured_as_the_reference_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its threads, cores and runtime, but for what the user asks for; programs were vouched for before."""
    asked: dict[str, Any] = {}

    def measure(bundle, transport, profile, runs_dir, **how) -> list[StoredFile]:
        asked.update(how, profile=profile)
        return []

    monkeypatch.setattr("sis_edge.gate.measurer.measure", measure)
    record = REFERENCE.record
    job = record.job._replace(threads=4, batch_size=2, cores=[1], lock_clocks=True)
    reference = REFERENCE.model_copy(update={"record": record._replace(job=job)})
    bundle, transport = tiny_bundle(tmp_path / "new"), LocalTransport(tmp_path)
    options = MeasuringOptions(batch_size=8)
    measurer = Measurer(transport, tiny_profile(), tmp_path, options, rounds=77, seed=5).like(reference)
    measurer(bundle, ["dense"], 1)
    found = asked["options"]
    assert (found.threads, found.batch_size, found.cores, found.lock_clocks) == (4, 8, (1,), True)
    assert found.trust
    assert (asked["networks"], asked["seed"], asked["profile"].measuring.rounds) == (["dense"], 6, 77)
    assert asked["profile"].runtime.runners == ["onnxruntime"]


def test_a_reference_without_a_common_network(sides: tuple[GateSide, GateSide]) -> None:
    with pytest.raises(UsageError, match="no network in common: base/net, candidate/net and dense, sparse"):
        against(stored(gate_run()), sides[1], Jobs(0.0), Rules())


@pytest.mark.parametrize(
    ("facts", "job", "what", "hinders"),
    [
        ({"model": "Jetson Orin Nano"}, {}, "board", True),
        ({"simulated": True}, {}, "kind of board", True),
        ({"governor": "powersave"}, {}, "governor", True),
        ({"packages": {"onnxruntime": "1.9.0", "numpy": "2.4.6"}}, {}, "runtime", True),
        ({"packages": {"onnxruntime": "1.23.2", "numpy": "1.0"}}, {}, "package numpy", False),
        ({"power_mode": "15W"}, {}, "power mode", False),  # the reference does not know its own
        ({"kernel": "5.10"}, {}, "kernel", False),
        ({}, {"threads": 4}, "threads", True),
        ({}, {"batch_size": 8}, "batch size", True),
        ({}, {"cores": [1]}, "pinned cores", True),
        ({}, {"lock_clocks": True}, "locked clocks", True),
        ({}, {"processes": 9}, "processes", False),
    ],
)
def test_what_hinders_a_comparison(facts: dict, job: dict, what: str, hinders: bool) -> None:
    record = REFERENCE.record
    known = (record.facts_before, record.job)
    assert differences(known, known) == ()
    (found,) = differences(known, (known[0]._replace(**facts), known[1]._replace(**job)))
    assert (found.what, found.hinders) == (what, hinders)


def test_limits_are_the_user_s(sides: tuple[GateSide, GateSide], tmp_path: Path) -> None:
    assert gated(sides, Jobs(0.05, 0.05), tmp_path, Rules(Limits(0.1))).passed
