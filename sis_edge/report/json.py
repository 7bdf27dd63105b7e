"""A report as JSON, for programs. Raw samples stay in the stored runs, which `run_id` names.

History of REPORT_VERSION:
    1   first version
    2   what computes each layer (layers), and which form of a network to use (sparse_choices)
    3   which form of a network to use, where it was measured in several precisions (form_advice)
    4   what stands inside the timed call of each runtime (timed_calls); sustained work (sustained, sustained_ranking),
        and what it showed (remarks of the verdict); where each figure comes from, in a word (kinds)
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from sis_edge.report.document import Report, Section
from sis_edge.report.sustained import reference
from sis_edge.results.rows import Figure
from sis_edge.results.rows.fields import reasons, values
from sis_edge.results.rows.kinds import kinds
from sis_edge.results.sustained import of_run, ranking
from sis_edge.results.timed_calls import TimedCallFigures

REPORT_VERSION = 4
CHARTS = "charts"
"""Under this key stand the charts of a report, which the next one in the same folder may replace or remove."""


def to_json(document: Report, charts: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of `results.json`; `charts` are the files of its charts, with the SHA-256 of each."""
    data = {
        "report_version": REPORT_VERSION,
        "title": document.title,
        "runs": [run_entry(section) for section in document.sections],
        CHARTS: dict(charts),
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def of_entries(title: str, entries: Iterable[str]) -> Iterator[str]:
    """The text of `results.json` in pieces, of runs that are texts already (`run_entry`); it names no charts."""
    head = json.dumps({"report_version": REPORT_VERSION, "title": title}, indent=1, ensure_ascii=False)
    yield head.removesuffix("\n}") + ',\n "runs": ['
    for number, entry in enumerate(entries):
        yield ("," if number else "") + "\n" + entry
    yield f'\n ],\n "{CHARTS}": {{}}\n}}\n'


def run_entry(section: Section) -> dict[str, Any]:
    """One run as `results.json` has it."""
    return {
        "run_id": section.run.record.run_id,
        "stored_at": section.run.stored_at.isoformat(),
        "bundle_id": section.run.bundle_id,
        "agent_id": section.run.record.agent_id,
        "mark": section.mark,
        "verdict": asdict(section.verdict),
        "notes": section.notes,
        "findings": _findings(section),
        "board": dict(section.board),
        "method": dict(section.method),
        "environment": {label: {"before": before, "after": after} for label, before, after in section.environment},
        "provenance": dict(section.provenance),
        "reproduce": section.reproduce,
        "sparse_choices": [asdict(choice) for choice in section.choices],
        "form_advice": [asdict(advised) for advised in section.advised],
        **_sustained(section),
        "timed_calls": [_timed_call(call) for call in section.timed_calls],
        "layers": {
            entry.name: entry.sparse.model_dump(mode="json", exclude={"network"})
            for entry in section.run.manifest.networks
            if entry.sparse is not None
        },
        "kinds": _kinds(section),
        "networks": [values(row) | {"reasons": reasons(row)} for row in section.rows],
    }


def _kinds(section: Section) -> dict[str, str]:
    """Where the networks' figures come from, in a word each, by the column."""
    return dict(kinds(values(section.rows[0]))) if section.rows else {}


def _sustained(section: Section) -> dict[str, Any]:
    """The figures of sustained work; `sustained.csv` has its windows."""
    figures = of_run(section.run.record)
    each = [{name: value for name, value in asdict(found).items() if name != "windows"} for found in figures]
    ranks = [asdict(rank) for rank in ranking(figures, reference(section.run))]
    return {"sustained": each, "sustained_ranking": ranks}


def _timed_call(call: TimedCallFigures) -> dict[str, Any]:
    """A part is {where, how, cost_s}; what is unknown is null, with its reason under the same name in `reasons`."""
    figures: dict[str, Figure[Any]] = {"call": call.call, "clock": call.clock}
    for name, part in call.parts.items():
        cost = {"cost_s": call.costs_s[name].value}
        figures[name] = Figure.of(part.value and {**part.value._asdict(), **cost}, part.reason or "")
    return {
        "runtime": call.runtime,
        "forms": call.forms,
        **{name: figure.value for name, figure in figures.items()},
        "reasons": {name: figure.reason for name, figure in figures.items() if figure.value is None},
    }


def _findings(section: Section) -> dict[str, str]:
    """All findings of each network: one on its speed, another where it has two engines to choose between."""
    found: dict[str, str] = {}
    for network, sentence in section.findings:
        found[network] = f"{found[network]} {_upper(sentence)}" if network in found else sentence
    return found


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
