from functools import cache

import pytest
from results.factory import NETWORKS, board_run, facts, failed, network_record, stored_run

from sis_agent.schema import GoldenCheck
from sis_edge.report.charts import charts
from sis_edge.report.document import Report, Section, document_of, section
from sis_edge.results.schema import StoredRun

HOSTILE = "</td><script>alert(1)</script>|`*_[x](y)&amp;\nnext"


def _wrong():
    return network_record("cifar10-sis2")._replace(golden=GoldenCheck(16, 0.52, 0.1, 0.9, False))


RUNS: dict[str, StoredRun] = {
    "plain": stored_run(),
    "paper": stored_run(dataset="cifar10", run_id="paper", per_round=25),
    "simulated": stored_run(run_id="simulated", simulated=True, facts_before=facts(simulated=True)),
    "broken": stored_run(
        [network_record("nin", 5), failed("cifar10-sis1"), _wrong(), network_record("cifar10-sis3")], run_id="broken"
    ),
    "alone": stored_run(names=("cifar10-sis1",), dense=None, run_id="alone", rounds=2, per_round=5),
    "nothing": stored_run([failed(name) for name in NETWORKS], run_id="nothing"),
    "board": board_run("nano", run_id="board"),
    "throttled": board_run("orin-nano-jp6", "throttling", run_id="throttled"),
    "busy": board_run("raspberry-pi-4", "another process", run_id="busy"),
    "emulated": stored_run(run_id="emulated", facts_before=facts(emulated=True)),
    "hostile": stored_run([network_record("nin"), failed("cifar10-sis1", HOSTILE)], run_id=HOSTILE, board=HOSTILE),
}


@cache
def sections(name: str) -> Section:
    """The section of one run; the bootstrap is not run again for each test."""
    return section(RUNS[name])


def only(name: str) -> Report:
    return Report(sections(name).title, (sections(name),))


def report_of(*names: str) -> Report:
    """A report of several runs, without computing their intervals again."""
    return document_of([sections(name) for name in names])


@pytest.fixture(scope="session")
def every() -> Report:
    return report_of(*RUNS)


@pytest.fixture(scope="session")
def drawn(every):
    return [charts(section.rows, section.mark, f"-{at}", section.run) for at, section in enumerate(every.sections, 1)]
