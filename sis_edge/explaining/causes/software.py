"""Versions of the runtimes, the board's software and sis-edge; no model predicts what one does to a latency."""

from collections.abc import Callable, Iterator
from typing import Any

from sis_agent.schema import Facts
from sis_edge.explaining.factor import Effect, Factor
from sis_edge.explaining.pair import RunPair
from sis_edge.results.runtimes import details, versions
from sis_edge.results.schema import StoredRun

# Code: title, reader, by how much such a difference moves a latency (logarithm, standard deviation), and how often.
BOARD: dict[str, tuple[str, Callable[[Facts], str | None], float, float]] = {
    "l4t": ("L4T", lambda facts: facts.l4t, 0.12, 0.8),
    "kernel": ("Linux kernel", lambda facts: facts.kernel, 0.08, 0.5),
    "os": ("operating system", lambda facts: facts.os_name, 0.05, 0.2),
    "glibc": ("glibc", lambda facts: facts.glibc, 0.04, 0.15),
    "python": ("Python", lambda facts: facts.python, 0.03, 0.1),
}
DEVICE: dict[str, tuple[str, float, float]] = {
    "driver_version": ("GPU driver", 0.10, 0.8),
    "runtime_version": ("CUDA", 0.10, 0.7),
}
NUMPY = "numpy"


def runtimes(pair: RunPair) -> Iterator[Factor]:
    """Versions of what runs the networks."""
    a, b = pair.of_runs(versions)
    for name in dict.fromkeys((*a, *b)):
        if name in a and name in b:
            effect = Effect.could_matter(pair.networks, 0.15, 0.5)
            yield Factor.of("runtime-version", f"{name} version", (a[name], b[name]), effect)


def board_software(pair: RunPair) -> Iterator[Factor]:
    """Driver, kernel, operating system, Python."""
    for field, (title, spread, weight) in DEVICE.items():
        values = pair.of_runs(lambda run, field=field: _device(run).get(field))  # type: ignore[misc]
        if any(values):
            yield Factor.of(field.replace("_", "-"), title, values, Effect.could_matter(pair.networks, spread, weight))
    for code, (title, read, spread, weight) in BOARD.items():
        effect = Effect.could_matter(pair.networks, spread, weight)
        yield Factor.of(code, title, pair.of_facts(read), effect)
    effect = Effect.could_matter(pair.networks, 0.02, 0.1)
    yield Factor.of(NUMPY, NUMPY, pair.of_facts(lambda facts: facts.packages.get(NUMPY)), effect)


def own(pair: RunPair) -> Iterator[Factor]:
    """sis-edge, which exported the networks, and its agent, which timed them."""
    effect = Effect.could_matter(pair.networks, 0.03, 0.15)
    builders = pair.of_runs(lambda run: run.manifest.provenance.sis_edge)
    yield Factor.of("sis-edge", "sis-edge", builders, effect, note="built the bundle")
    yield Factor.of("agent", "agent", pair.of_runs(lambda run: run.record.agent_id), effect)


def _device(run: StoredRun) -> dict[str, Any]:
    """What CUDA reported of the device, by the first runtime that has one."""
    return next((each["device"] for each in details(run).values() if isinstance(each.get("device"), dict)), {})
