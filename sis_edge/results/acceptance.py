"""What a measuring is asked to give: what is wrong with its runs though they are measured and stored."""

from collections.abc import Sequence

from sis_edge.errors import BoardError, SisEdgeError, VerdictError
from sis_edge.results import energy
from sis_edge.results.schema import StoredRun
from sis_edge.results.verdict import ACCEPTED, judge_run


def fault(runs: Sequence[StoredRun], *, require_energy: bool, require_valid: bool) -> SisEdgeError | None:
    """BoardError for what went wrong on the board, VerdictError for a verdict that is not accepted, else None."""
    faults = [fault for run in runs for fault in _problems(run)]
    if not faults and require_energy:
        faults = _without_energy(runs)
    if faults:
        return BoardError("; ".join(dict.fromkeys(faults)))
    for verdict in (judge_run(run) for run in runs if require_valid):
        if verdict.level not in ACCEPTED:
            reasons = "; ".join(reason.sentence for reason in verdict.reasons) or "measure without --quick"
            accepted = " and ".join(f"'{level}'" for level in ACCEPTED)
            return VerdictError(
                f"--require-valid accepts {accepted}, and the verdict is {verdict.level} ({reasons}); the run is stored"
            )
    return None


def _problems(run: StoredRun) -> list[str]:
    if run.record.problem is not None:
        return [f"the job failed: {run.record.problem.message}"]
    problems = [f"{network.name}: {network.problem.message}" for network in run.record.networks if network.problem]
    if not problems:
        return []
    return [f"{len(problems)} of {len(run.record.networks)} networks had a problem: {'; '.join(problems)}"]


def _without_energy(runs: Sequence[StoredRun]) -> list[str]:
    found = []
    for run in runs:
        for name, measured in energy.per_inference(run).items():
            if measured.gross_j is None:
                found.append(f"{name} has no energy ({measured.reason or 'no reason was given'})")
    return [f"--require-energy, and {found[0]}; the run is stored"] if found else []
