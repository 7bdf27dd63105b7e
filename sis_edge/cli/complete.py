"""Values for the shell's completion: names that are cheap to list. A list's last name is completed."""

from collections.abc import Callable, Iterable
from typing import Any

Complete = Callable[[str], list[str]]


def one(names: Callable[[], Iterable[str]]) -> Complete:
    """Completes a name."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def several(names: Callable[[], Iterable[str]]) -> Complete:
    """Completes the last name of a comma-separated list, with those before it left out."""

    def complete(incomplete: str) -> list[str]:
        *before, last = incomplete.split(",")
        start = "".join(f"{name}," for name in before)
        return [f"{start}{name}" for name in names() if name.startswith(last) and name not in before]

    return complete


def profiles() -> list[str]:
    """Shipped profiles."""
    from sis_edge.files import shipped

    return shipped.names(shipped.profile_folder(), ".toml")


def boards() -> list[str]:
    """Simulated boards."""
    from sis_edge.files import shipped

    return shipped.names(shipped.board_folder(), ".toml")


def inventory() -> list[str]:
    """Boards of the user's inventory; none where it cannot be read."""
    from sis_edge.board import inventory
    from sis_edge.errors import SisEdgeError

    try:
        return list(inventory.load().boards)
    except SisEdgeError:
        return []


def zoo() -> list[str]:
    """Networks of the zoo."""
    from sis_edge.files import shipped

    return shipped.names(shipped.zoo_folder(), ".json")


def presets() -> list[str]:
    """The paper's networks."""
    from sis_edge.formation.presets import PRESETS

    return list(PRESETS)


def commands() -> list[str]:
    """Commands, of two words the first."""
    from typer.main import get_command

    from sis_edge.cli import app

    root: Any = get_command(app)
    return [name for name, each in root.commands.items() if not each.hidden]


def schemas() -> list[str]:
    """Published schemas."""
    from sis_edge.cli.documents import SCHEMAS

    return list(SCHEMAS)
