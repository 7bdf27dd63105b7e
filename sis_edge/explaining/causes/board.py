"""Which board it was: its processor, its memory, and whether it is a real one."""

from collections.abc import Iterator
from dataclasses import replace

from sis_edge.explaining.factor import Effect, Factor
from sis_edge.explaining.pair import RunPair


def board(pair: RunPair) -> Iterator[Factor]:
    """The board and its processor; predicted, roughly, by the highest clocks."""
    fastest = pair.of_facts(lambda facts: facts.gpu_max_frequency_hz if pair.on_gpu else facts.cpu_max_frequency_hz)
    a, b = fastest
    if a and b and a != b:
        effect = replace(Effect.ratio(pair.networks, b, a, 0.5, 0.4), is_modelled=False)
    else:
        effect = Effect.could_matter(pair.networks, 0.6, 1.0)
    for code, title, values in (
        ("board", "board", pair.of_facts(lambda facts: facts.model)),
        ("architecture", "architecture", pair.of_facts(lambda facts: facts.machine)),
        ("processor", "processor", pair.of_facts(lambda facts: facts.cpu_model)),
    ):
        yield Factor.of(code, title, values, effect)
    counts = pair.of_facts(lambda facts: facts.cpu_count)
    yield Factor.of("core-count", "number of cores", counts, Effect.could_matter(pair.networks, 0.15, 0.5))
    memories = pair.of_facts(lambda facts: facts.memory_total_bytes)
    m, n = memories
    differ = bool(m and n and abs(m / n - 1) > 0.02)
    yield Factor.of(
        "memory",
        "memory",
        memories,
        Effect.could_matter(pair.networks, 0.05, 0.2),
        text=lambda found: f"{found / 1e9:.2f} GB",
        differ=differ,
    )
    devices = pair.of_jobs(lambda job: "GPU" if job.on_gpu else "CPU")
    yield Factor.of("device", "processing unit", devices, Effect.could_matter(pair.networks, 1.0, 1.0))


def reality(pair: RunPair) -> Iterator[Factor]:
    """Simulated, emulated, in a virtual machine or a container, or none of it."""
    effect = Effect.could_matter(pair.networks, 1.0, 1.0)
    yield Factor.of("simulated", "kind of board", pair.of_runs(lambda run: run.board_kind), effect)
    for code, title, values in (
        ("virtual", "virtual machine", pair.of_facts(lambda facts: facts.virtual or "none")),
        ("container", "container", pair.of_facts(lambda facts: facts.container or "none")),
    ):
        yield Factor.of(code, title, values, Effect.could_matter(pair.networks, 0.1, 0.5))
