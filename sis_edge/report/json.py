"""A report as JSON, for programs. Raw samples stay in the stored runs, which `run_id` names.

History of REPORT_VERSION:
    1   first version
    2   what computes each layer (layers), and which form of a network to use (sparse_choices)
"""

import json
from dataclasses import asdict
from typing import Any

from sis_edge.report.document import Document, Section

REPORT_VERSION = 2


def to_json(document: Document) -> str:
    """The text of `results.json`."""
    data = {
        "report_version": REPORT_VERSION,
        "title": document.title,
        "runs": [_run(section) for section in document.sections],
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
        "findings": dict(section.findings),
        "board": dict(section.board),
        "method": dict(section.method),
        "environment": {label: {"before": before, "after": after} for label, before, after in section.environment},
        "provenance": dict(section.provenance),
        "reproduce": section.reproduce,
        "sparse_choices": [asdict(choice) for choice in section.choices],
        "layers": {
            entry.name: entry.sparse.model_dump(mode="json", exclude={"network"})
            for entry in section.run.manifest.networks
            if entry.sparse is not None
        },
        "networks": [row.values() | {"reasons": row.reasons} for row in section.rows],
    }
