"""The board: what it is, and its state before and after the run."""

from collections.abc import Callable

from sis_agent.schema import Facts
from sis_edge.report import rows as show
from sis_edge.results.schema import StoredRun

AVAILABLE = "available"
NULL = "null"
"""The agent's runtime that computes nothing, for its own tests."""
INTERNAL = (NULL, "replay")


def board_name(run: StoredRun) -> str:
    """The board by its model, or by the best of what is known."""
    facts = run.record.facts_before
    return facts.model or facts.cpu_model or facts.machine or run.profile


def board(run: StoredRun) -> tuple[tuple[str, str], ...]:
    """Label and text of each fact about the board."""
    facts = run.record.facts_before
    memory = show.size(facts.memory_total_bytes) if facts.memory_total_bytes is not None else None
    known = (
        ("Board", facts.model),
        ("Profile", run.profile),
        ("Reached as", run.board),
        ("Host name", facts.hostname),
        ("Machine", facts.machine),
        ("CPU", facts.cpu_model),
        ("CPU cores", str(facts.cpu_count) if facts.cpu_count is not None else None),
        ("Memory", memory),
        ("System", facts.os_name),
        ("Kernel", facts.kernel),
        ("L4T", facts.l4t or "none: not a Jetson, or not recognised as one"),
        ("glibc", facts.glibc),
        ("Python", facts.python),
        ("Runtimes", _runtimes(facts.runners)),
        ("Power mode", facts.power_mode or "none: this board has no power modes, or does not report them"),
        ("Power sensors", _available(facts.power_sources) or _states(facts.power_sources)),
    )
    return tuple((label, text or "unknown") for label, text in (*known, *_surroundings(facts)))


def _surroundings(facts: Facts) -> list[tuple[str, str]]:
    """What hides the hardware; nothing for a board of its own."""
    machine = facts.virtual and (f"{facts.virtual}, emulated" if facts.emulated else facts.virtual)
    shown = (("Virtual machine", machine), ("Emulation", facts.emulation), ("Container", facts.container))
    return [(label, text) for label, text in shown if text]


def environment(before: Facts, after: Facts) -> tuple[tuple[str, str, str], ...]:
    """Label, text before and text after the run of what may change during one."""
    readers: dict[str, Callable[[Facts], str | None]] = {
        "Governor": lambda facts: facts.governor,
        "Power mode": lambda facts: facts.power_mode,
        "CPU clocks": _clocks,
        "Temperatures": _temperatures,
        "Load, 1 min": lambda facts: _text(facts.load_average_1min, "{:.2f}".format),
        "Memory available": lambda facts: _text(facts.memory_available_bytes, show.size),
    }
    return tuple((label, read(before) or "unknown", read(after) or "unknown") for label, read in readers.items())


def _states(named: dict[str, str]) -> str:
    return "; ".join(f"{name}: {state}" for name, state in sorted(named.items()) if name not in INTERNAL)


def _runtimes(named: dict[str, str]) -> str:
    """Those that can be used; why another cannot is in the stored run."""
    if not named:
        return ""
    lacking = ", ".join(sorted(name for name, state in named.items() if state != AVAILABLE and name not in INTERNAL))
    return "; ".join(filter(None, (_available(named) or "none", f"not on this board: {lacking}" if lacking else "")))


def _available(named: dict[str, str]) -> str:
    return ", ".join(sorted(name for name, state in named.items() if state == AVAILABLE and name not in INTERNAL))


def _clocks(facts: Facts) -> str:
    known = [hertz for hertz in facts.cpu_frequency_hz if hertz is not None]
    ends = sorted({min(known), max(known)}) if known else []
    return " to ".join(show.si(hertz, "Hz") for hertz in ends)


def _temperatures(facts: Facts) -> str:
    known = {zone: degrees for zone, degrees in facts.temperatures_c.items() if degrees is not None}
    return ", ".join(f"{zone} {degrees:.1f} °C" for zone, degrees in sorted(known.items()))


def _text(value: float | None, text: Callable[[float], str]) -> str | None:
    return None if value is None else text(value)
