"""From measured runs to findings: every metric of every network that base and candidate have in common."""

from collections.abc import Sequence

from sis_edge.gate.decision import GateFinding, decide
from sis_edge.gate.limits import Limits
from sis_edge.gate.pairing import ComparedForm, NetworkNames, forms, missing
from sis_edge.results.changes import METRICS, Compared, Metric, MetricChange
from sis_edge.results.comparison import EMULATED, problem_of
from sis_edge.results.function import entries, wrong_functions
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import judge_run

OF_ONE_NETWORK = "wrong-function"
"""A reason of a verdict that says nothing of the run's other networks."""


def findings(
    base: StoredRun,
    candidate: StoredRun,
    networks: Sequence[tuple[str, NetworkNames]],
    limits: Limits,
    setting: str = "",
) -> list[GateFinding]:
    """Those of one measurement; base and candidate are the same run where one job measured both.

    `networks` are the pairs, each with the words that it is shown by.
    """
    two = {"the reference": base, "the candidate's run": candidate}
    runs = {"the run": base} if base is candidate else two
    doubt = next((why for name, run in runs.items() if (why := _doubt(name, run)) is not None), None)
    found = []
    for shown, names in networks:
        pairs = forms(base, candidate, names, shown)
        for form in pairs:
            for metric in METRICS.values():
                limit = limits.of(metric.name)
                found.append(decide(form.shown, metric, _change(form, metric), limit, setting=setting, doubt=doubt))
        for lost in missing(base, candidate, names, shown) or ([] if pairs else [shown]):
            for metric in METRICS.values():
                reason = "the candidate was not measured in this form"
                found.append(decide(lost, metric, reason, limits.of(metric.name), setting=setting))
    return found


def _change(form: ComparedForm, metric: Metric) -> MetricChange | str:
    if form.base is None:
        return "the base was not measured in this form"
    if metric.on_board:
        for side, each in (("base", form.base), ("candidate", form.candidate)):
            if (problem := _problem(each)) is not None:
                return f"the {side}: {problem}"
            if metric.timed and each.run.record.facts_before.emulated:
                return EMULATED
    return metric.of(form.base, form.candidate)


def _problem(one: Compared) -> str | None:
    """What went wrong with a network, in a sentence; None where it was measured and nothing did."""
    return problem_of(one.run, one.record, wrong_functions(one.run.record, entries(one.run)))


def _doubt(name: str, run: StoredRun) -> str | None:
    """Why no time and no energy of a run decides anything: the first reason that makes it INVALID as a whole."""
    reasons = (reason for reason in judge_run(run).reasons if reason.level == "INVALID")
    first = next((reason for reason in reasons if reason.code != OF_ONE_NETWORK), None)
    return None if first is None else f"{name} is INVALID: {first.sentence}"
