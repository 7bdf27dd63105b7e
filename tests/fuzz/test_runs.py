"""Stored runs with something wrong in them: reported as any other, or refused in one sentence and passed over."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from results.boards import KINDS
from results.factory import board_run, stored_run, tensorrt_run
from results.given import given_record, given_run
from results.sustained_runs import sustained_run

from sis_agent.schema import RECORD_VERSION, Memory, SustainedRequest
from sis_edge import explaining
from sis_edge.cli.documents.explained import explained
from sis_edge.cli.documents.two_runs import compared
from sis_edge.errors import RecordError
from sis_edge.explaining import text as explanation
from sis_edge.report import two_runs
from sis_edge.report.charts import charts, svg
from sis_edge.report.document import document
from sis_edge.report.html import to_html
from sis_edge.report.json import to_json
from sis_edge.report.markdown import to_markdown
from sis_edge.results import store
from sis_edge.results.named import NamedRun
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge_run

from .fuzz import fuzzed, numbers, obeyed, odd_bytes, odd_json


def shortened(value: Any, most: int = 4) -> Any:
    """The same document with short lists, so that many of them can be tried."""
    if isinstance(value, dict):
        return {name: shortened(each, most) for name, each in value.items()}
    return [shortened(each, most) for each in value[:most]] if isinstance(value, list) else value


def measured_board() -> StoredRun:
    """A run with power, states and memory."""
    run = board_run(next(kind for kind in KINDS if "nano" in kind))
    memory = Memory(10_000_000, 20_000_000, 30_000_000)
    networks = [network._replace(memory=memory) for network in run.record.networks]
    return run.model_copy(update={"record": run.record._replace(record_version=RECORD_VERSION, networks=networks)})


RUNS: dict[str, Any] = {
    name: (text := json.loads(run.to_json())) | {"record": shortened(text["record"])}
    for name, run in {
        "formed": stored_run(names=("nin", "cifar10-sis1")),
        "board": measured_board(),
        "tensorrt": tensorrt_run(),
        "sustained": sustained_run("orin-nano-sim", SustainedRequest(60.0, 10.0, 5.0)),
        "given": given_run(given_record("resnet"), given_record("mobilenet")),
    }.items()
}


ODD_RUNS = {kind: odd_json(run) for kind, run in RUNS.items()}


def is_named(sentence: str) -> None:
    assert sentence.startswith("runs/a.json")
    assert not obeyed(sentence)


def reported(text: str | bytes) -> None:
    """Read a run and write every format of its report; a run that is refused is named."""
    try:
        run = StoredRun.from_json(text, "runs/a.json")
    except RecordError as error:
        is_named(str(error))
        return
    report = document([run])
    for shown in (to_markdown(report, [[]]), to_html(report, [[]]), to_json(report, {})):
        assert "\x1b" not in shown
    assert StoredRun.from_json(run.to_json(), "again") == run


@pytest.mark.parametrize("kind", RUNS)
def test_they_are_sound_to_begin_with(kind: str) -> None:
    text = json.dumps(RUNS[kind])
    assert StoredRun.from_json(text, "").networks()
    reported(text)


@pytest.mark.parametrize("kind", RUNS)
@fuzzed(one_in=50, random=numbers)
def test_a_run(kind: str, random: Random) -> None:
    reported(ODD_RUNS[kind](random))


def set_against(run: StoredRun, other: StoredRun) -> None:
    """Compare and explain one run against another, in every format; runs without a common network are refused."""
    try:
        found = explaining.explain(NamedRun(run), NamedRun(other), resamples=20)
    except RecordError as error:
        assert re.search("no network in common|has one network only", str(error))  # noqa: PT017
        return
    for shown in (
        *(two_runs.to_markdown(found.comparison), two_runs.to_csv(found.comparison)),
        *(explanation.to_markdown(found), explanation.to_csv(found)),
    ):
        assert "\x1b" not in shown
    compared(found.comparison)
    explained(found)


@pytest.mark.parametrize("kind", RUNS)
@fuzzed(one_in=100, random=numbers)
def test_a_run_against_a_sound_one(kind: str, random: Random) -> None:
    sound = StoredRun.from_json(json.dumps(RUNS[kind]), "")
    try:
        odd = StoredRun.from_json(ODD_RUNS[kind](random), "runs/a.json")
    except RecordError:
        return
    set_against(sound, odd)
    set_against(odd, sound)


@fuzzed(one_in=25, text=odd_bytes(json.dumps(RUNS["formed"]).encode()))
def test_a_damaged_file(text: bytes) -> None:
    reported(text)


def with_latencies(run: Any, latency_s: float | None, network: str | None = None) -> str:
    """The run with this latency everywhere, or none at all; `network` None is every network."""
    changed = json.loads(json.dumps(run))
    for measured in changed["record"]["networks"]:
        for turn in measured["rounds"] if network in (None, measured["network"]) else []:
            turn["latencies_s"] = [] if latency_s is None else [latency_s] * len(turn["latencies_s"])
    return json.dumps(changed)


@pytest.mark.parametrize("latency_s", [0.0, 5e-324, 1e6, 1e308, None])
@pytest.mark.parametrize("kind", RUNS)
def test_latencies_that_a_clock_cannot_give(kind: str, latency_s: float | None) -> None:
    for network in (None, "cifar10-sis1"):
        reported(with_latencies(RUNS[kind], latency_s, network))


def test_the_charts_of_latencies_of_0() -> None:
    run = StoredRun.from_json(with_latencies(RUNS["formed"], 0.0), "")
    (section,) = document([run]).sections
    assert all(chart.caption for chart in charts(section.rows, section.mark, "", run))


@pytest.mark.parametrize("latency_s", [0.0, 1e6])
def test_pictures_of_latencies_that_a_clock_cannot_give(latency_s: float) -> None:
    for network in (None, "cifar10-sis1"):
        run = StoredRun.from_json(with_latencies(RUNS["formed"], latency_s, network), "")
        (section,) = document([run]).sections
        for chart in charts(section.rows, section.mark, "", run):
            assert not re.search(r"\b(nan|inf)\b", svg(chart, inline=True))


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("record.networks.0.accuracy.correct", 451, "has 451 correct ones of 450 images"),
        ("record.networks.0.name", "x", "holds x, which its job did not ask for"),
        ("record.networks.0.details.engine_told", {"sparsity": []}, "details.engine_told.sparsity"),
        ("record.runner_details.harness_latencies_s", [[1]], "runner_details.harness_latencies_s.0"),
        ("record.networks.0.rounds.0.latencies_s.0", 1e7, "holds a latency of 1e.07 s"),
        ("record.networks.0.rounds.0.latencies_s.0", float("inf"), "a number that is not finite"),
        ("record.duration_s", 10**400, "more than 64 bits"),
        ("manifest.networks.0.macs_live", 0, "greater than or equal to 1"),
    ],
)
def test_what_ended_reports_is_named(place: str, value: Any, sentence: str) -> None:
    changed = json.loads(json.dumps(RUNS["formed"]))
    *way, last = [int(step) if step.isdecimal() else step for step in place.split(".")]
    holder = changed
    for step in way:
        holder = holder[step]
    holder[last] = value
    with pytest.raises(RecordError, match=sentence):
        StoredRun.from_json(json.dumps(changed), "runs/a.json")


def test_what_ended_verdicts_is_judged() -> None:
    """A job with no threads beside busy cores, and a network that has two turns in one round where another has none."""
    run = measured_board()
    assert judge_run(run.model_copy(update={"record": run.record._replace(job=run.record.job._replace(threads=0))}))
    one, other, *_ = run.record.networks
    places = ((0, 0), (1, 0), (1, 1))
    turns = [turn._replace(round=at, position=place) for turn, (at, place) in zip(one.rounds, places, strict=False)]
    networks = [one._replace(rounds=turns), other._replace(rounds=[other.rounds[0]._replace(round=0, position=1)])]
    assert judge_run(run.model_copy(update={"record": run.record._replace(networks=networks)}))


def test_one_such_file_does_not_end_the_report_of_all(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(RUNS["formed"]).replace('"correct": 438', '"correct": 99999'))
    (tmp_path / "b.json").write_text("[" * 100_000)
    (tmp_path / "c.json").write_text(json.dumps(RUNS["given"]))
    loaded = store.load_all(tmp_path)
    assert [path.name for path in loaded.files] == ["c.json"]
    assert [warning.partition(" ")[0] for warning in loaded.warnings] == [
        str(tmp_path / name) for name in ("a.json", "b.json")
    ]


def test_what_a_board_wrote_is_harmless_in_a_report() -> None:
    run = (
        json.dumps(RUNS["formed"])
        .replace("QEMU Standard PC", "nano\\u001b[2J\\n\\u202e")
        .replace("Debian GNU", "\\u0007\\ud800 GNU")
    )
    found = StoredRun.from_json(run, "")
    assert found.record.facts_before.model == "nano\N{REPLACEMENT CHARACTER}[2J \N{REPLACEMENT CHARACTER}"
    reported(run)
