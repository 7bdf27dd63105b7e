"""What of a profile has never run on hardware: said by `build`, `deploy` and reports, where people read it."""

from sis_edge.profiles.schema import DeviceProfile
from sis_edge.registries import BACKENDS


def untried(profile: DeviceProfile, runner: str | None = None) -> tuple[str, ...]:
    """A sentence for each, without its full stop; `runner` is the runtime that is used (None: the profile's first)."""
    return (*of_board(profile.name, profile.board.verified), *of_runtime(runner or profile.runtime.runners[0]))


def of_board(name: str, is_verified: bool | None) -> tuple[str, ...]:
    """What is to be said of a profile; None is unknown."""
    if is_verified is not False:
        return ()
    return (f"the profile {name} is written from documentation: sis-edge has not yet run on such a board",)


def of_runtime(runner: str) -> tuple[str, ...]:
    """What is to be said of a runtime; nothing of one that is not installed here."""
    found = BACKENDS[runner].untried if runner in BACKENDS else None
    return () if found is None else (found,)
