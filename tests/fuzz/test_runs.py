"""Stored runs with something wrong in them: reported as any other, or refused in one sentence and passed over."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from results.boards import KINDS
from results.factory import board_run, stored_run, tensorrt_run
from results.given import given_record, given_run

from sis_agent.schema import RECORD_VERSION, Memory
from sis_edge.errors import RecordError
from sis_edge.report.document import document
from sis_edge.report.html import to_html
from sis_edge.report.json import to_json
from sis_edge.report.markdown import to_markdown
from sis_edge.results.schema import StoredRun

from .fuzz import fuzzed, odd_bytes, odd_json


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
        "given": given_run(given_record("resnet"), given_record("mobilenet")),
    }.items()
}


def is_named(sentence: str) -> None:
    assert sentence.startswith("runs/a.json")
    assert sentence.isprintable()


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
@fuzzed
@given(data=st.data())
def test_a_run(kind: str, data: st.DataObject) -> None:
    reported(data.draw(odd_json(RUNS[kind])))


@fuzzed
@given(text=odd_bytes(json.dumps(RUNS["formed"]).encode()))
def test_a_damaged_file(text: bytes) -> None:
    reported(text)
