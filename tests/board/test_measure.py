"""Measuring a bundle and finding an earlier job: a record is stored with the bundle that it is of, or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_bundle import tiny_bundle, tiny_profile

from sis_agent.schema import Job, Record
from sis_edge.board import deploy
from sis_edge.board.events import Event, ignore
from sis_edge.board.measure import StoredFile, collect, measure
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession, UnreadableRecordError
from sis_edge.board.started import StartedJob
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import AgentError, BundleError, DiskError
from sis_edge.results import store
from sis_edge.transport import LocalTransport


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("measure")


@pytest.fixture(scope="module")
def board(place: Path) -> LocalTransport:
    return LocalTransport(place / "board")


@pytest.fixture(scope="module")
def bundles(place: Path) -> tuple[Bundle, Bundle]:
    """Two bundles whose networks have the same names."""
    return tiny_bundle(place / "build/first"), tiny_bundle(place / "build/second", padding_bytes=100)


@pytest.fixture(scope="module")
def measured(place: Path, board: LocalTransport, bundles: tuple[Bundle, Bundle]) -> StoredFile:
    (stored,) = measure(bundles[0], board, tiny_profile(), place / "runs")
    return stored


def test_a_measured_run_is_stored_with_its_bundle(measured: StoredFile, bundles: tuple[Bundle, Bundle]) -> None:
    run = store.load(measured.path)
    assert run == measured.run
    assert run.bundle_id == run.record.job.bundle_id == bundles[0].id
    assert (run.profile, run.manifest) == ("tiny", bundles[0].manifest)


def test_a_job_finds_its_own_bundle_among_others(
    place: Path, board: LocalTransport, bundles: tuple[Bundle, Bundle], measured: StoredFile
) -> None:
    job = measured.run.record.run_id
    for order in (bundles, bundles[::-1]):
        found = collect(job, order, board, tiny_profile(), place / "again")
        assert (found.run.bundle_id, found.run.manifest.name) == (bundles[0].id, "first")
    assert found.run.record == measured.run.record


def test_a_job_of_another_bundle_is_refused_and_both_are_named(
    place: Path, board: LocalTransport, bundles: tuple[Bundle, Bundle], measured: StoredFile
) -> None:
    first, second = bundles
    job = measured.run.record.run_id
    with pytest.raises(BundleError) as raised:
        collect(job, [second], board, tiny_profile(), place / "none", is_bundle_named=True)
    sentence = str(raised.value)
    assert f"job {job} measured bundle {first.id}, and here is {second.path} ({second.id})" in sentence
    assert "--bundle" in sentence
    assert not (place / "none").exists(), "nothing was stored"


def test_a_record_of_another_bundle_is_not_stored(
    place: Path,
    board: LocalTransport,
    bundles: tuple[Bundle, Bundle],
    measured: StoredFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mistaken(*_: Any, **__: Any) -> Iterator[Any]:
        yield measured.run.record

    monkeypatch.setattr(deploy, "deploy_each", mistaken)
    with pytest.raises(BundleError, match=f"is of bundle {bundles[0].id}, and {bundles[1].path} is {bundles[1].id}"):
        measure(bundles[1], board, tiny_profile(), place / "mistaken")
    assert not (place / "mistaken").exists()


def test_a_runs_folder_that_cannot_be_written_is_known_before_anything_is_measured(
    place: Path, bundles: tuple[Bundle, Bundle]
) -> None:
    (place / "file").write_text("")
    untouched = LocalTransport(place / "untouched")
    with pytest.raises(DiskError, match=r"cannot write .*file \(Not a directory\)"):
        measure(bundles[0], untouched, tiny_profile(), place / "file")
    with pytest.raises(DiskError, match=r"cannot write .*file/runs"):
        collect("a-job", bundles, untouched, tiny_profile(), place / "file" / "runs")
    assert not untouched.root.exists()


def test_a_record_that_cannot_be_used_is_kept_and_the_rest_goes_on(
    place: Path,
    board: LocalTransport,
    bundles: tuple[Bundle, Bundle],
    measured: StoredFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = measured.run.record
    turn = sound.networks[0].rounds[0]._replace(latencies_s=[-1.0])
    negative = sound._replace(run_id="../x", networks=[sound.networks[0]._replace(rounds=[turn])])
    ends: list[Record | UnreadableRecordError] = [
        UnreadableRecordError("the record of job 1 is unreadable", b"\0\xff no JSON"),
        negative,
        sound,
    ]

    def measured_job(self: StartedJob, job: Job) -> Record:
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    session = BoardSession(board, tiny_profile(), ignore, Patience())
    monkeypatch.setattr(deploy, "ready", lambda *words: (session, "onnxruntime", sound.facts_before))
    monkeypatch.setattr(StartedJob, "measure", measured_job)
    profile = tiny_profile()
    runtime = profile.runtime.model_copy(update={"threads": [1, 2, 3]})
    events: list[Event] = []
    with pytest.raises(AgentError, match=r"unreadable; it is not among the runs.*holds a negative latency") as caught:
        measure(
            bundles[0],
            board,
            profile.model_copy(update={"runtime": runtime}),
            place / "some",
            on_event=events.append,
        )
    (run,) = store.load_all(place / "some").runs
    assert run.record == sound
    assert any("run stored in" in event.message for event in events)
    kept = sorted((place / "some" / "unreadable").iterdir())
    assert len(kept) == 2
    assert all(str(path) in str(caught.value) for path in kept)
    assert b"\0\xff no JSON" in [path.read_bytes() for path in kept]
    assert "x.json" in [path.name for path in kept]
