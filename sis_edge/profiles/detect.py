"""Which profile a board fits, from the facts that its agent tells, and where the board differs from it."""

import re
from dataclasses import dataclass

from sis_agent.schema import Facts
from sis_edge.profiles import jetpack
from sis_edge.profiles.jetpack import jetpack_of
from sis_edge.profiles.schema import DeviceProfile
from sis_edge.registries import BACKENDS
from sis_edge.text.limits import with_limit

# What systems call the same instruction set.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}

# What the kernel leaves of a board's memory; the rest is the firmware's and the GPU's.
USABLE_MEMORY = (0.75, 1.08)


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
    kind = None if named else _kind(facts, fitting)
    if kind is not None:
        found.insert(0, kind)
    return Detection(best, reason, tuple(found))


def fits(facts: Facts, profile: DeviceProfile) -> bool:
    """Whether a machine can be a board of this profile: its architecture, and its hardware as far as both report it."""
    return profile.board.architecture == architecture(facts) and not _hardware(facts, profile)


def differences(facts: Facts, profile: DeviceProfile) -> list[str]:
    """Where the board is not what the profile says, a sentence each; what it does not report is no difference."""
    return _related(facts, profile) + _hardware(facts, profile) + _software(facts, profile)


def _related(facts: Facts, profile: DeviceProfile) -> list[str]:
    """Another board with the profile's processor: what it measures is that board's, with its own cooling and supply."""
    board = profile.board
    if _score(facts.model, board.matches) or not _score(facts.model, board.related):
        return []
    return [f"model: {facts.model}, the profile is for {board.model}, which has the same processor"]


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
    if (release := jetpack.difference(facts.l4t, board.jetpack)) is not None:
        found.append(release)
    if facts.cpu_quota_cores is not None and facts.cpu_quota_cores < (facts.cpu_count or float("inf")):
        found.append(f"processor: a control group grants the time of {facts.cpu_quota_cores:.2g} cores and no more")
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


def _name_score(facts: Facts, profile: DeviceProfile) -> int:
    """Length of the longest piece of a name that the board's model contains: the longer, the more is said by it."""
    return max(_score(facts.model, profile.board.matches), _score(facts.model, profile.board.related))


def _score(model: str | None, pieces: list[str]) -> int:
    """Old device trees spell a name with dashes and nothing else (`jetson-nano`): that is a whole name."""
    given = (model or "").lower()
    fits = [len(piece) for piece in pieces if piece.lower() in given or _blanks(piece) == _blanks(given)]
    return max(fits, default=0)


def _blanks(name: str) -> str:
    return re.sub(r"[-_\s]+", " ", name.lower()).strip()


def _has_gpu_for(facts: Facts, profile: DeviceProfile) -> bool:
    """Whether one of the runtimes on the GPU that the profile is for can be used; True for one without a GPU."""
    on_gpu = [runner for runner in profile.runtime.runners if BACKENDS[runner].on_gpu]
    return profile.gpu is None or any(facts.runners.get(runner) == "available" for runner in on_gpu)


def _kind(facts: Facts, profiles: list[DeviceProfile]) -> str | None:
    """What a board is whose model no profile names; None where nothing but the architecture is known of it."""
    if facts.l4t is not None or (facts.kernel or "").endswith("-tegra"):
        return _which_jetson(facts, profiles)
    if facts.model is None and facts.container is not None:
        return f"kind: hidden by its container ({facts.container}); name the board's profile with --profile"
    if facts.model is not None and not facts.virtual and any(profile.board.matches for profile in profiles):
        return (
            f"kind: {facts.model}, which no profile names: nothing is expected of its clocks, temperatures and power; "
            "`sis-edge profiles show` prints a profile to start your own from"
        )
    return None


def _which_jetson(facts: Facts, profiles: list[DeviceProfile]) -> str:
    """The profiles to choose from for a Jetson on somebody else's carrier board, whose name says nothing."""
    release = jetpack_of(facts.l4t)
    jetsons = [each for each in profiles if each.board.jetpack]
    fitting = [each.name for each in jetsons if each.board.jetpack and _runs(each.board.jetpack, release)]
    choice = f"; name its module's with --profile: {', '.join(fitting)}" if fitting else ""
    return f"kind: a Jetson (L4T {facts.l4t or 'unknown'}) that its model does not tell{choice}"


def _runs(limits: list[str], release: str | None) -> bool:
    """Whether a board of these releases can be one of this release; of an unknown one any can."""
    return release is None or jetpack.in_range(release, limits)


def _likeness(facts: Facts, profile: DeviceProfile) -> tuple[bool, bool, bool]:
    """What tells boards of one name apart: memory, release, power mode."""
    release, limits = jetpack_of(facts.l4t), profile.board.jetpack
    in_range = bool(release and limits and jetpack.in_range(release, limits))
    return _memory_fits(facts, profile), in_range, facts.power_mode in [mode.name for mode in profile.power_modes]


def _memory_fits(facts: Facts, profile: DeviceProfile) -> bool:
    nominal, total = profile.board.memory_bytes, facts.memory_total_bytes
    return bool(nominal and total and USABLE_MEMORY[0] * nominal <= total <= USABLE_MEMORY[1] * nominal)
