"""Which profile a board fits, from the facts that its agent tells, and where the board differs from it."""

from dataclasses import dataclass

from sis_agent.schema import Facts
from sis_edge.profiles.schema import DeviceProfile
from sis_edge.registries import BACKENDS
from sis_edge.text.limits import with_limit

# What systems call the same instruction set.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}

# What the kernel leaves of a board's memory; the rest is the firmware's and the GPU's.
USABLE_MEMORY = (0.75, 1.08)

# L4T, which NVIDIA numbers a board's system by, and the first JetPack that came with it; newest first.
JETPACKS: tuple[tuple[tuple[int, ...], str], ...] = (
    ((39, 2), "7.2"),
    ((38, 4), "7.1"),
    ((38, 2), "7.0"),
    ((36, 4, 3), "6.2"),
    ((36, 4), "6.1"),
    ((36, 3), "6.0"),
    ((35, 2), "5.1"),
    ((35, 1), "5.0.2"),
    ((32, 7), "4.6.1"),
    ((32, 6), "4.6"),
)


@dataclass(frozen=True)
class Detection:
    """The profile that fits best, why, and a sentence for everything that the board has otherwise."""

    profile: DeviceProfile
    reason: str
    differences: tuple[str, ...]


def detect(facts: Facts, profiles: list[DeviceProfile]) -> Detection:
    """The profile of a board: by its model's name, then memory, release and power mode; else by what it can run."""
    machine = architecture(facts)
    fitting = [profile for profile in profiles if profile.board.architecture == machine]
    named = [profile for profile in fitting if _name_score(facts, profile)]
    if named:
        named.sort(key=lambda profile: profile.name)
        best = max(named, key=lambda profile: (_name_score(facts, profile), _likeness(facts, profile)))
        reason = f"its model is {facts.model}"
    elif general := [profile for profile in fitting if not profile.board.matches and _has_gpu_for(facts, profile)]:
        best = max(general, key=lambda profile: profile.gpu is not None)
        gpu = ", with a GPU for TensorRT" if best.gpu is not None else ""
        reason = f"its architecture is {machine}{gpu}, and no profile names its model ({facts.model or 'unknown'})"
    else:
        best = next(profile for profile in profiles if profile.board.architecture == "any")
        reason = f"no profile is for its architecture ({facts.machine or 'unknown'})"
    found = differences(facts, best)
    if not named and facts.l4t is not None:
        found.insert(0, _which_jetson(facts, fitting))
    return Detection(best, reason, tuple(found))


def fits(facts: Facts, profile: DeviceProfile) -> bool:
    """Whether a machine can be a board of this profile: its architecture, and its hardware as far as both report it."""
    return profile.board.architecture == architecture(facts) and not _hardware(facts, profile)


def differences(facts: Facts, profile: DeviceProfile) -> list[str]:
    """Where the board is not what the profile says, a sentence each; what it does not report is no difference."""
    return _hardware(facts, profile) + _software(facts, profile)


def _hardware(facts: Facts, profile: DeviceProfile) -> list[str]:
    """Differences of architecture, model, memory and processor."""
    board = profile.board
    found = []
    machine = architecture(facts)
    if board.architecture not in ("any", machine) and machine is not None:
        found.append(f"architecture: {machine}, the profile is for {board.architecture}")
    if board.matches and facts.model is not None and not _name_score(facts, profile):
        found.append(f"model: {facts.model}, the profile is for {board.model}")
    total_bytes = facts.memory_total_bytes
    if board.memory_bytes is not None and total_bytes is not None and not _memory_fits(facts, profile):
        usable, nominal = with_limit(total_bytes / 1e9, board.memory_bytes / 1e9, ".1f")
        found.append(f"memory: {usable} GB usable, the profile says {nominal} GB")
    if board.cpu_count is not None and facts.cpu_count is not None and facts.cpu_count != board.cpu_count:
        hint = ", perhaps by its power mode" if profile.power_modes else ""
        found.append(f"processor: {facts.cpu_count} cores may be used, the profile says {board.cpu_count}{hint}")
    return found


def _software(facts: Facts, profile: DeviceProfile) -> list[str]:
    """Differences of the system, its Python, its power modes and sensors, and what can run there."""
    board = profile.board
    found = []
    jetpack = jetpack_of(facts.l4t)
    if board.jetpack is not None and jetpack is not None and not _in_range(jetpack, board.jetpack):
        oldest, newest = board.jetpack
        found.append(f"JetPack: {jetpack} (L4T {facts.l4t}), the profile is for {oldest} to {newest}")
    python = ".".join((facts.python or "").split(".")[:2])
    pythons = [wheels.python for wheels in profile.wheels]
    if pythons and python and python not in pythons:
        found.append(f"Python: {facts.python}, the profile pins wheels for {', '.join(pythons)}")
    modes = [mode.name for mode in profile.power_modes]
    if modes and facts.power_mode is not None and facts.power_mode not in modes:
        found.append(f"power mode: {facts.power_mode}, the profile knows {', '.join(modes)}")
    expected = profile.measuring.power_mode
    if expected is not None and facts.power_mode in modes and facts.power_mode != expected:
        found.append(f"power mode: {facts.power_mode}, measurings expect {expected}")
    missing = [zone for zone in profile.thermal.zones if zone not in facts.temperatures_c]
    if facts.temperatures_c and missing:
        found.append(f"thermal zones: there is no {', '.join(missing)}")
    if profile.power.sources and facts.power_sources:
        lacking = [kind for kind in profile.power.sources if kind not in facts.power_sources]
        if len(lacking) == len(profile.power.sources):
            found.append(f"power: none of {', '.join(lacking)}; it has {', '.join(facts.power_sources)}")
    for runner in profile.runtime.runners:
        state = facts.runners.get(runner, "this agent has no such runner")
        if state != "available":
            found.append(f"{runner}: {state}")
    return found


def architecture(facts: Facts) -> str | None:
    """The board's instruction set by one name."""
    return facts.machine and ARCHITECTURES.get(facts.machine.lower(), facts.machine.lower())


def jetpack_of(l4t: str | None) -> str | None:
    """The JetPack of an L4T release, as far as it is known.

    >>> jetpack_of("36.4.3"), jetpack_of("32.7.4"), jetpack_of("21.1")
    ('6.2', '4.6.1', None)
    """
    if l4t is None:
        return None
    release = _version(l4t)
    return next((jetpack for oldest, jetpack in JETPACKS if release[0] == oldest[0] and release >= oldest), None)


def _name_score(facts: Facts, profile: DeviceProfile) -> int:
    """Length of the longest piece of a name that the board's model contains: the longer, the more is said by it."""
    model = (facts.model or "").lower()
    return max([len(piece) for piece in profile.board.matches if piece.lower() in model], default=0)


def _has_gpu_for(facts: Facts, profile: DeviceProfile) -> bool:
    """Whether one of the runtimes on the GPU that the profile is for can be used; True for one without a GPU."""
    on_gpu = [runner for runner in profile.runtime.runners if BACKENDS[runner].on_gpu]
    return profile.gpu is None or any(facts.runners.get(runner) == "available" for runner in on_gpu)


def _which_jetson(facts: Facts, profiles: list[DeviceProfile]) -> str:
    """The profiles to choose from for a Jetson on somebody else's carrier board, whose name says nothing."""
    jetpack = jetpack_of(facts.l4t)
    fitting = [
        each.name for each in profiles if jetpack and each.board.jetpack and _in_range(jetpack, each.board.jetpack)
    ]
    choice = f"; name its module's with --profile: {', '.join(fitting)}" if fitting else ""
    return f"kind: a Jetson (L4T {facts.l4t}) that its model does not tell{choice}"


def _likeness(facts: Facts, profile: DeviceProfile) -> tuple[bool, bool, bool]:
    """What tells boards of one name apart: memory, release, power mode."""
    jetpack, limits = jetpack_of(facts.l4t), profile.board.jetpack
    in_range = bool(jetpack and limits and _in_range(jetpack, limits))
    return _memory_fits(facts, profile), in_range, facts.power_mode in [mode.name for mode in profile.power_modes]


def _memory_fits(facts: Facts, profile: DeviceProfile) -> bool:
    nominal, total = profile.board.memory_bytes, facts.memory_total_bytes
    return bool(nominal and total and USABLE_MEMORY[0] * nominal <= total <= USABLE_MEMORY[1] * nominal)


def _in_range(jetpack: str, limits: list[str]) -> bool:
    return _version(limits[0])[:2] <= _version(jetpack)[:2] <= _version(limits[1])[:2]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
