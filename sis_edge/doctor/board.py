"""Checks of a board: what it is, what it can run, what of it can be seen; and the list of all of a board's checks."""

import re
import shlex

from sis_agent.schema import Facts
from sis_edge.doctor import conditions
from sis_edge.doctor.check import Answer, DoctorCheck, error, ok, unknown, warning
from sis_edge.doctor.meeting import MetBoard, unlike
from sis_edge.profiles.detect import architecture

AVAILABLE = "available"
CLOCK_OFF_S = 60.0
FEW_BYTES, ROOM_BYTES = 64 << 20, 500 << 20
"""A small bundle with its record; and the wheels of a runtime."""


def clock(board: MetBoard) -> Answer:
    """The board's time of day: records, wheels and power meters are dated by it."""
    ahead_s, error_s = board.clock_ahead_s, board.clock_error_s
    if abs(ahead_s) <= CLOCK_OFF_S + error_s:
        return ok(f"within {max(abs(ahead_s), error_s):.1f} s of this machine's")
    side = "ahead of" if ahead_s > 0 else "behind"
    return warning(f"{_duration(abs(ahead_s))} {side} this machine's", "sudo timedatectl set-ntp true on the board")


def system(board: MetBoard) -> Answer:
    """A 64-bit system of an architecture that runtimes are built for."""
    machine = architecture(board.facts)
    if machine in ("x86_64", "aarch64"):
        return ok(f"{machine}, {board.facts.os_name or 'unknown system'}, glibc {board.facts.glibc or 'unknown'}")
    return error(f"{machine or 'unknown'}: ONNX Runtime has no package for it", "install a 64-bit system")


def profile(board: MetBoard) -> Answer:
    """The board against its profile."""
    name = board.profile.name
    # What these differ in, checks of their own say, with the fix.
    others = (*board.profile.runtime.runners, "Python", "power mode", "processor: a control group")
    found = [each for each in unlike(board) if not each.startswith(others)]
    if found:
        return warning(f"{name}, but {'; '.join(found)}", "name the board's own with --profile, or write one")
    why = f": {board.detection.reason}" if board.detection else ", as named"
    return ok(f"{name}{why}")


def hardware(board: MetBoard) -> Answer:
    """Whether it is a board of its own: emulated, virtual and shared ones measure something else."""
    facts = board.facts
    if facts.simulated:
        return warning("a simulated board: no number is a real board's", "measure on a real one")
    if facts.emulated:
        return warning(f"emulated ({facts.emulation or 'qemu'}): no speed is claimed", "measure on a real board")
    if facts.emulation:
        return warning(facts.emulation, "measure on the board itself")
    if facts.virtual or facts.container:
        what = " in ".join(filter(None, (facts.container and f"container ({facts.container})", facts.virtual)))
        return warning(f"{what}: clocks and sensors may be hidden", "measure on the machine itself, where you can")
    return ok("a board of its own, as far as can be seen")


def runtimes(board: MetBoard) -> Answer:
    """The profile's runtimes, best first: the first that works measures."""
    found, wanted = board.facts.runners, board.profile.runtime.runners
    states = {name: found.get(name, "this agent does not know it") for name in wanted}
    best = next((name for name, state in states.items() if state == AVAILABLE), None)
    lacking = [(name, state) for name, state in states.items() if state != AVAILABLE]
    if best is None:
        causes = "; ".join(f"{name}: {_split(state)[0]}" for name, state in lacking)
        # One that is there and does not import is nearest to working.
        nearest = next((state for _, state in lacking if "cannot be imported" in state), lacking[0][1])
        return error(f"no runtime works: {causes}", _fix(board, _split(nearest)[1]))
    before = [(name, state) for name, state in lacking if wanted.index(name) < wanted.index(best)]
    if before:
        if board.facts.simulated:
            lacked = " and ".join(name for name, _ in before)
            return ok(f"{best}; a simulated board has this machine's programs, which lack {lacked}")
        name, state = before[0]
        cause, fix = _split(state)
        return warning(f"{best} works, and {name} before it does not: {cause}", _fix(board, fix))
    return ok(f"{best} {board.facts.packages.get(best) or ''}".strip())


def broken(board: MetBoard) -> Answer:
    """Runtimes that are installed and do not import, whether or not the profile names them."""
    others = {
        name: state
        for name, state in board.facts.runners.items()
        if "cannot be imported" in state and name not in board.profile.runtime.runners
    }
    if others:
        name, state = next(iter(others.items()))
        cause, fix = _split(state)
        return warning(f"{name}: {cause}", fix)
    return ok("every installed runtime can be imported")


def wheels(board: MetBoard) -> Answer:
    """What the profile pins for the board's Python, against what is there."""
    pinned = {each.python: each.packages for each in board.profile.wheels}
    if not pinned:
        return ok(f"the profile {board.profile.name} pins none")
    version = ".".join(map(str, board.version[:2]))
    if version not in pinned:
        if board.facts.simulated:
            return unknown(f"a simulated board has this machine's Python {version}, and the profile pins none for it")
        said = f"the profile pins some for Python {', '.join(pinned)}, the board has {version}"
        return warning(said, "name another Python as `python` in the profile's [agent], or add a [[wheels]] table")
    brought = [name for name, _, pin in _pins(pinned[version]) if _has_wheel(board.seen.wheels, name, pin)]
    different = [
        f"{name} is {board.facts.packages.get(name) or 'missing'}, pinned {pin}"
        for _, name, pin in _pins(pinned[version])
        if board.facts.packages.get(name) != pin
    ]
    if different:
        return warning("; ".join(different), _provision(board))
    return ok(f"{', '.join(pinned[version])}{', brought by sis-edge' if brought else ', the board has its own'}")


def native(board: MetBoard) -> Answer:
    """Whether libraries with native kernels can be loaded, and which instructions they will use."""
    facts, root = board.facts, board.settings.root
    if facts.root_noexec:
        return error(
            f"{root} is on a file system that is mounted noexec: native kernels cannot be loaded",
            "name a folder on another one as `root` in the profile's [agent]",
        )
    machine = architecture(facts)
    if machine not in ("x86_64", "aarch64"):
        return unknown(f"there are no native kernels for {machine or 'an unknown architecture'}")
    used = [name for name in ("avx2", "avx512f", "avx512_vnni", "asimd", "asimdhp", "asimddp") if _has(facts, name)]
    return ok(f"can be loaded; the processor has {', '.join(used) or 'none of the wider instructions'}")


def blocked(board: MetBoard) -> Answer:
    """Whether the dense reference gets ONNX Runtime's fast layout of channels."""
    if board.seen.blocked is None:
        return unknown(board.seen.blocked_reason or "the agent does not say")
    if board.seen.blocked:
        return ok("ONNX Runtime computes convolutions in blocks of channels")
    return ok("this ONNX Runtime does not use it here: dense networks are slower than where it does, speed-ups larger")


def sensors(board: MetBoard) -> Answer:
    """A power sensor that the profile has a rule for."""
    states = {name: state for name, state in board.facts.power_sources.items() if name != "replay"}
    wanted = board.profile.power.sources or list(states)
    there = [name for name in wanted if states.get(name) == AVAILABLE]
    if there:
        return ok(", ".join(there))
    reasons = "; ".join(f"{name}: {states.get(name, 'unknown')}" for name in wanted) or "none is known"
    fix = "an external meter: sis-edge deploy --meter"
    if "rapl" in wanted and "ermission" in states.get("rapl", ""):
        fix = "sudo chmod o+r /sys/class/powercap/intel-rapl:*/energy_uj on the board, or " + fix
    return warning(f"no power sensor can be read, so no energy is measured ({reasons})", fix)


def space(board: MetBoard) -> Answer:
    """Room for a bundle and its record."""
    free_bytes = board.facts.disk_free_bytes
    if free_bytes is None:
        return unknown("the board does not report it")
    said = f"{free_bytes / 1e6:,.0f} MB free"
    fix = f"{shlex.join(['sis-edge', 'clean', *board.words])} shows what sis-edge keeps there, and removes it"
    if free_bytes < FEW_BYTES:
        return error(f"{said}, a bundle takes some 30 MB", fix)
    return warning(f"{said}, a runtime's wheels take some 200 MB", fix) if free_bytes < ROOM_BYTES else ok(said)


def logout(board: MetBoard) -> Answer:
    """Whether a job outlives the login that started it."""
    if board.facts.kill_user_processes and not board.seen.lingers:
        return warning(
            "logind ends a user's programs at logout: a lost connection ends the job",
            "loginctl enable-linger on the board",
        )
    return ok("jobs go on without the connection")


def _split(state: str) -> tuple[str, str]:
    """Cause and remedy of a runtime's sentence; the log's place stays with the cause."""
    cause, _, rest = state.partition("; ")
    remedy, mark, log = rest.partition("; its log on the board: ")
    return cause + (f" (log on the board: {log})" if mark else ""), remedy


def _fix(board: MetBoard, remedy: str) -> str:
    pins = any(each.python == ".".join(map(str, board.version[:2])) for each in board.profile.wheels)
    others = [remedy] if remedy else []
    return " or ".join([*([_provision(board)] if pins else []), *others]) or "install it on the board"


def _provision(board: MetBoard) -> str:
    return shlex.join(["sis-edge", "deploy", "--provision", *board.words, "--profile", board.profile.name])


def _pins(packages: list[str]) -> list[tuple[str, str, str]]:
    """Each pinned package as a distribution, as a module, and its version."""
    split = (each.partition("==") for each in packages)
    return [(name, name.replace("-", "_"), version) for name, _, version in split]


def _has_wheel(there: dict[str, str], name: str, version: str) -> bool:
    start = re.sub(r"[-_.]+", "_", name).lower()
    return any(wheel.lower().startswith(f"{start}-{version}-") for wheel in there)


def _has(facts: Facts, feature: str) -> bool:
    return feature in facts.cpu_features


def _duration(seconds: float) -> str:
    for unit, length_s in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:,.0f} {unit}"
    return f"{seconds:.0f} s"


BOARD: tuple[DoctorCheck[MetBoard], ...] = (
    DoctorCheck("clock", clock, "python"),
    DoctorCheck("system", system, "facts"),
    DoctorCheck("hardware", hardware, "facts"),
    DoctorCheck("profile", profile, "facts"),
    DoctorCheck("runtimes", runtimes, "facts"),
    DoctorCheck("other runtimes", broken, "facts"),
    DoctorCheck("wheels", wheels, "state"),
    DoctorCheck("native kernels", native, "facts"),
    DoctorCheck("NCHWc", blocked, "state"),
    DoctorCheck("power sensors", sensors, "facts"),
    DoctorCheck("power mode", conditions.power_mode, "state"),
    DoctorCheck("governor", conditions.governor, "state"),
    DoctorCheck("clock locks", conditions.clock_locks, "state"),
    DoctorCheck("CPU clocks", conditions.clocks, "state"),
    DoctorCheck("temperatures", conditions.heat, "state"),
    DoctorCheck("throttling", conditions.throttling, "state"),
    DoctorCheck("CPU quota", conditions.quota, "facts"),
    DoctorCheck("memory", conditions.memory, "state"),
    DoctorCheck("swap", conditions.swap, "state"),
    DoctorCheck("free space", space, "facts"),
    DoctorCheck("other load", conditions.load, "state"),
    DoctorCheck("steal", conditions.steal, "state"),
    DoctorCheck("jobs", conditions.jobs, "state"),
    DoctorCheck("logout", logout, "state"),
)
