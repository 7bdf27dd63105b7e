"""The columns of CSV and JSON against a recording from when rows were flat: programs of users read them by name."""

import csv
import io
import json
from pathlib import Path

import pytest
from results.factory import NETWORKS, network_record, stored_run, tensorrt_run

from report.conftest import only
from sis_agent.schema import Memory
from sis_edge.report.csv import to_csv
from sis_edge.report.document import Report, section
from sis_edge.report.json import to_json

RECORDED = Path(__file__).with_name("recorded.csv")
NAMES = ("paper", "broken", "alone", "nothing", "board", "emulated")


def _with_device_memory():
    memory = Memory(31_000_000, 40_000_000, 47_000_000, None, [46_000_000, 47_000_000, 48_500_000], 2**28, None, True)
    return stored_run([network_record(name)._replace(memory=memory) for name in list(NETWORKS)[:2]], run_id="device")


def _sections():
    made = [section(run) for run in (_with_device_memory(), tensorrt_run())]
    return [*(only(name).sections[0] for name in NAMES), *made]


@pytest.fixture(scope="module")
def now():
    return _sections()


def test_names_order_values_and_reasons_are_those_recorded(now) -> None:
    text = to_csv([row for section in now for row in section.rows])
    before, after = (list(csv.reader(io.StringIO(each, newline=""))) for each in (RECORDED.read_text(), text))
    assert after[0] == before[0]
    assert len(after) == len(before)
    for old, new in zip(before[1:], after[1:], strict=True):
        for name, was, is_now in zip(before[0], old, new, strict=True):
            if was != is_now:  # another release of numpy may add in another order
                assert float(is_now) == pytest.approx(float(was), rel=1e-9), name
                assert repr(float(is_now)) == is_now, name


def test_json_has_the_same_columns(now) -> None:
    lines = list(csv.DictReader(io.StringIO(RECORDED.read_text(), newline="")))
    runs = json.loads(to_json(Report("", tuple(now))))["runs"]
    networks = [(network, run["kinds"]) for run in runs for network in run["networks"]]
    assert len(networks) == len(lines)
    for line, (network, kinds) in zip(lines, networks, strict=True):
        assert json.loads(line.pop("kinds")) == kinds
        assert list(network) == list(line)
        assert network["reasons"] == json.loads(line["reasons"])
        assert {name for name, value in network.items() if value is None} == {
            name for name, text in line.items() if text == ""
        }


if __name__ == "__main__":  # after a column was added: PYTHONPATH=tests python tests/report/test_recorded.py
    RECORDED.write_text(to_csv([row for section in _sections() for row in section.rows]))
