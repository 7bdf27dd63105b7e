"""Checks of a board's conditions: what would bias a measurement that starts now."""

from collections.abc import Iterable

from sis_agent.files import CALIBRATION, INFERENCE
from sis_agent.schema import Busy
from sis_edge.board.attendance import command
from sis_edge.doctor.check import Answer, error, ok, unknown, warning
from sis_edge.doctor.meeting import MetBoard
from sis_edge.results.rules.board import HOT_C, TRIP_LEAST_C, TRIP_MARGIN_C
from sis_edge.results.rules.load import OTHER_CORES, STEAL_SUSPECT, SWAP_SUSPECT_BYTES

STEADY = ("performance", "schedutil", "ondemand", "interactive")
"""Governors with which the clocks of a busy core are high."""

LOW_MEMORY_BYTES, NO_MEMORY_BYTES = 512 << 20, 128 << 20


def _cores(board: MetBoard) -> int:
    return len(board.facts.allowed_cores) or board.facts.cpu_count or 1


def governor(board: MetBoard) -> Answer:
    """Who chooses the clocks."""
    found = board.seen.state.governor or board.facts.governor
    if found is None:
        return unknown("this board has no cpufreq, or hides it")
    # Intel's and AMD's drivers call their usual way so.
    if found in STEADY or (found == "powersave" and board.facts.machine == "x86_64"):
        return ok(f"{found}{'' if found == 'performance' else ': clocks rise with load, --lock-clocks holds them'}")
    return warning(f"{found}: busy cores may stay slow", "sudo cpupower frequency-set -g performance on the board")


def clock_locks(board: MetBoard) -> Answer:
    """Whether --lock-clocks can be used, and nothing is owed from the last time."""
    if board.seen.owes_clocks:
        return error("an earlier job's clock settings were not put back", "sudo reboot on the board")
    if board.facts.governor is None:
        return unknown("this board has no cpufreq, so there are no clocks to lock")
    if board.seen.sets_clocks:
        return ok("--lock-clocks may be used")
    return warning(
        "--lock-clocks cannot be used: this user is not root, and sudo asks for a password",
        'echo "$USER ALL=(root) NOPASSWD: ALL" | sudo tee /etc/sudoers.d/sis-edge on the board, if you need it',
    )


def power_mode(board: MetBoard) -> Answer:
    """The mode that the profile measures in."""
    found, expected = board.seen.state.power_mode or board.facts.power_mode, board.profile.measuring.power_mode
    if expected is None:
        if not found and board.profile.power_modes:
            return unknown("the board does not report it (nvpmodel)")
        return ok(found or "boards of this profile have none")
    if found is None:
        return warning(f"cannot be read, and the profile says {expected}", "nvpmodel -q on the board shows it")
    if found.strip().casefold() == expected.strip().casefold():
        return ok(f"{found}, as the profile says")
    mode = board.profile.power_mode(expected)
    number = "ID (see /etc/nvpmodel.conf)" if mode is None else str(mode.id)
    return error(f"{found}, and the profile says {expected}", f"sudo nvpmodel -m {number} on the board")


def swap(board: MetBoard) -> Answer:
    """Memory that was moved to disk: what a network touches may be among it."""
    used_bytes = board.seen.state.swap_used_bytes
    if used_bytes is None:
        return unknown("the board does not report it")
    if used_bytes <= SWAP_SUSPECT_BYTES:
        return ok("none in use")
    said = f"{used_bytes / 1e6:,.0f} MB in use"
    return warning(said, "end other programs, then sudo swapoff -a && sudo swapon -a on the board")


def memory(board: MetBoard) -> Answer:
    """Memory that a runtime and a network need."""
    free_bytes = board.seen.state.memory_available_bytes
    if free_bytes is None:
        return unknown("the board does not report it")
    said = f"{free_bytes / 1e6:,.0f} MB available"
    if free_bytes < NO_MEMORY_BYTES:
        return error(f"{said}, a runtime takes some 100 MB", "end other programs, or add swap")
    return (
        warning(said, "end other programs (a desktop takes some 500 MB)") if free_bytes < LOW_MEMORY_BYTES else ok(said)
    )


def load(board: MetBoard) -> Answer:
    """What other programs take of the cores."""
    state = board.seen.state
    if state.cpu_busy is None:
        return unknown("the board does not report it")
    cores = max(0.0, state.cpu_busy - (state.own_cpu or 0.0)) * (board.facts.cpu_count or _cores(board))
    said = f"other programs keep {cores:.2f} cores busy"
    if cores <= OTHER_CORES:
        return ok(said)
    busiest = [each for each in board.seen.busiest if each.cores >= 0.05]
    if not busiest:
        return warning(said, "top on the board shows them; end those")
    return warning(f"{said}: {_named(busiest)}", f"end them: kill {' '.join(str(each.pid) for each in busiest)}")


def steal(board: MetBoard) -> Answer:
    """Time that the hypervisor gave to others."""
    found = board.seen.state.steal
    if found is None:
        return unknown("the board does not report it")
    if found <= STEAL_SUSPECT:
        return ok(f"{found:.1%} of the time")
    return warning(f"other virtual machines took {found:.1%} of the time", "measure on a board of its own")


def jobs(board: MetBoard) -> Answer:
    """Whether somebody measures on it now."""
    running = board.seen.measuring
    if running in (CALIBRATION, INFERENCE):
        return warning(f"sis-edge is at work on it ({running})", "wait for its end")
    if running is not None:
        cancel = command("cancel", running, board.words).strip("`")
        return warning(f"job {running} is being measured", f"wait for its end, or {cancel}")
    if others := board.seen.agents:
        return warning(f"another user's sis-edge is at work: {_named(others)}", "wait for its end")
    return ok("nobody measures")


def throttling(board: MetBoard) -> Answer:
    """Signs that the board is slower than it could be: heat, or a weak supply."""
    signs = board.seen.state.throttle
    now = [name for name, value in signs.items() if value > 0 and "occurred" not in name]
    since = [name for name, value in signs.items() if value > 0 and "occurred" in name]
    supply = "use a supply and a cable that carry the board's current"
    if now:
        weak = any("volt" in name for name in now)
        return error(f"the board reports {', '.join(now)}", supply if weak else "cool the board: a fan, a heat sink")
    if since:
        weak = any("volt" in name for name in since)
        return warning(
            f"since its start: {', '.join(since)}", f"{supply if weak else 'cool the board'}, then restart it"
        )
    return ok("no sign of it") if signs or board.seen.state.counters else unknown("this board does not report it")


def heat(board: MetBoard) -> Answer:
    """Zones near the temperature at which they throttle."""
    known = {zone: value for zone, value in board.seen.state.temperatures_c.items() if value is not None}
    if not known:
        return unknown("no temperature can be read, so a verdict is at most `VALID as far as seen`")
    hot = {
        zone: value for zone, value in known.items() if value >= _limit_c(board, zone) and "pmic" not in zone.lower()
    }
    if hot:
        shown = ", ".join(f"{zone} {value:.0f} °C" for zone, value in sorted(hot.items()))
        return warning(f"at the edge of throttling: {shown}", "cool the board: a fan, a heat sink")
    return ok(f"at most {max(known.values()):.0f} °C")


def clocks(board: MetBoard) -> Answer:
    """Whether the clocks can be watched during a run."""
    if any(hertz is not None for hertz in board.seen.state.cpu_frequency_hz):
        return ok("can be read")
    return unknown("the clocks cannot be read (no cpufreq), so a verdict is at most `VALID as far as seen`")


def quota(board: MetBoard) -> Answer:
    """What control groups and cpusets leave of the processor, against the profile's threads."""
    threads, granted = max(board.profile.runtime.threads), board.facts.cpu_quota_cores
    if granted is not None and granted < threads:
        said = f"a control group grants {granted:.2g} cores, and the profile measures with {threads} threads"
        return error(said, "raise its cpu.max (docker run --cpus), or lower `threads` in the profile")
    if _cores(board) < threads:
        said = f"{_cores(board)} cores may be used, and the profile measures with {threads} threads"
        return warning(said, "give it more cores, or lower `threads` in the profile")
    limit = "no limit" if granted is None else f"a control group grants {granted:.2g} cores"
    return ok(f"{_cores(board)} cores, {limit}")


def _limit_c(board: MetBoard, zone: str) -> float:
    trip_c = board.facts.trip_points_c.get(zone)
    return HOT_C if trip_c is None or trip_c < TRIP_LEAST_C else trip_c - TRIP_MARGIN_C


def _named(found: Iterable[Busy]) -> str:
    return ", ".join(f"{each.name} of {each.user} (process {each.pid}, {each.cores:.2f} cores)" for each in found)
