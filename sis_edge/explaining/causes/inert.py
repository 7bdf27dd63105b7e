"""What differs between any two runs and cannot change a latency, at least not by itself."""

from collections.abc import Iterator

from sis_edge.explaining.factor import Factor
from sis_edge.explaining.pair import RunPair
from sis_edge.results.evidence import Evidence, known
from sis_edge.results.schema import StoredRun


def surroundings(pair: RunPair) -> Iterator[Factor]:
    """Names, dates, and a state that acts through something else."""
    heat = pair.of_evidence(_hottest)
    yield Factor.of(
        "temperature", "highest temperature", heat, text=lambda found: f"{found:.0f} °C", note="acts through the clocks"
    )
    for code, title, values, note in (
        ("host-name", "host name", pair.of_facts(lambda facts: facts.hostname), "a name"),
        ("reached-as", "reached as", pair.of_runs(lambda run: run.board), "a name"),
        ("profile", "profile", pair.of_runs(lambda run: run.profile), "its settings are compared by themselves"),
        ("bundle", "bundle", pair.of_runs(lambda run: run.bundle_id[:12]), "its content is compared by itself"),
        ("date", "stored", pair.of_runs(_stored), "a date"),
        ("load-before", "load before", pair.of_facts(lambda facts: facts.load_average_1min), "before, not meanwhile"),
        (
            "memory-before",
            "memory available before",
            pair.of_facts(lambda facts: facts.memory_available_bytes),
            "enough",
        ),
        ("disk-free", "disk space", pair.of_facts(lambda facts: facts.disk_free_bytes), "nothing is read meanwhile"),
        (
            "test-images",
            "test images",
            pair.of_runs(lambda run: run.manifest.test_image_count),
            "not part of the timing",
        ),
    ):
        yield Factor.of(code, title, values, note=note)


def _hottest(evidence: Evidence) -> float | None:
    found = [
        celsius
        for state in evidence.during
        for zone, celsius in state.temperatures_c.items()
        if celsius is not None and "pmic" not in zone.lower()
    ]
    return max(known(found)) if found else None


def _stored(run: StoredRun) -> str:
    return run.stored_at.strftime("%Y-%m-%d %H:%M")
