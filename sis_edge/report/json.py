"""A report as JSON, for programs. Raw samples stay in the stored runs, which `run_id` names.

History of REPORT_VERSION:
    1   first version
    2   what computes each layer (layers), and which form of a network to use (sparse_choices)
    3   which form of a network to use, where it was measured in several precisions (form_advice)
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from sis_edge.report.document import Report, Section
from sis_edge.results.rows.fields import reasons, values

REPORT_VERSION = 3
CHARTS = "charts"
"""Under this key stand the charts of a report, which the next one in the same folder may replace or remove."""


def to_json(document: Report, charts: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of `results.json`; `charts` are the files of its charts, with the SHA-256 of each."""
    data = {
        "report_version": REPORT_VERSION,
        "title": document.title,
        "runs": [_run(section) for section in document.sections],
        CHARTS: dict(charts),
    }
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run(section: Section) -> dict[str, Any]:
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
        "layers": {
            entry.name: entry.sparse.model_dump(mode="json", exclude={"network"})
            for entry in section.run.manifest.networks
            if entry.sparse is not None
        },
        "networks": [values(row) | {"reasons": reasons(row)} for row in section.rows],
    }


def _findings(section: Section) -> dict[str, str]:
    """All findings of each network: one on its speed, another where it has two engines to choose between."""
    found: dict[str, str] = {}
    for network, sentence in section.findings:
        found[network] = f"{found[network]} {_upper(sentence)}" if network in found else sentence
    return found


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
