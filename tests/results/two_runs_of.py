"""Pairs of stored runs of one bundle on one board, for what compares them."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from results.boards import KINDS, record
from results.factory import NETWORKS, facts, stored_run
from results.faults import relate
from sis_agent.schema import JOB_VERSION, RECORD_VERSION
from sis_edge.results.schema import StoredRun


def on_board(
    seed: int, kind: str = "raspberry-pi-5", day: int = 22, rounds: int = 30, per_round: int = 20, **changes: Any
) -> StoredRun:
    """A quiet run on a generated board; another seed is another run of the same bundle there."""
    names = tuple(NETWORKS)
    base = stored_run(names=names, profile=kind, run_id=f"202611{day}-{seed:06x}", **changes)
    made = record(KINDS[kind], seed, rounds=rounds, per_round=per_round)
    known = facts(
        machine=KINDS[kind].machine,
        model=kind,
        cpu_model=None,
        cpu_count=KINDS[kind].cores,
        power_mode=KINDS[kind].mode,
        allowed_cores=list(range(KINDS[kind].cores)),
        cpu_max_frequency_hz=KINDS[kind].cpu_hz,
        governor="schedutil",
        memory_total_bytes=KINDS[kind].memory_bytes,
    )
    networks = [
        network._replace(rounds=timed.rounds)
        for network, timed in zip(base.record.networks, made.networks, strict=True)
    ]
    job = made.job._replace(
        job_version=JOB_VERSION,
        networks=base.record.job.networks,
        reference="nin",
        bundle_id=base.bundle_id,
        min_inferences=1,
    )
    made = made._replace(
        record_version=RECORD_VERSION,
        run_id=base.record.run_id,
        agent_id=base.record.agent_id,
        job=job,
        started_at=datetime(2026, 11, day, 20, 50, seed % 60, tzinfo=UTC).isoformat(),
        networks=networks,
        facts_before=known,
        facts_after=known,
        runner_details={"runner": "onnxruntime", "onnxruntime": "1.23.2", "numpy": "2.4.6", "intra_op_threads": 1}
        | {"harness_latencies_s": [3e-6, 4e-6, 5e-6]},
        simulated=False,
    )
    stored_at = datetime(2026, 11, day, 20, 51, seed % 60, tzinfo=UTC)
    return base.model_copy(update={"record": made, "stored_at": stored_at})


def changed(run: StoredRun, **changes: Any) -> StoredRun:
    """The run with other fields of its record; `job` and `facts` are changes of these."""
    job, known = changes.pop("job", {}), changes.pop("facts", {})
    record = run.record._replace(
        job=run.record.job._replace(**job),
        facts_before=run.record.facts_before._replace(**known),
        facts_after=run.record.facts_after._replace(**known),
        **changes,
    )
    return run.model_copy(update={"record": record})


def slower(run: StoredRun, factor: float, only: Collection[str] = tuple(NETWORKS)) -> StoredRun:
    """The run with latencies times a factor, and all its times moved as far as that takes."""
    record = relate(run.record, lambda name, turn: factor if name in only else 1.0)
    return run.model_copy(update={"record": record})
