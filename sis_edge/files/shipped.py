"""Data that comes with the package: inside it where it is installed, beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def profile_folder() -> Path:
    """The boards' profiles, a TOML file each."""
    return _either("_profiles", "profiles")


def board_folder() -> Path:
    """The simulated boards, a TOML file each; in a checkout they lie with the tests."""
    return _either("_boards", "tests/boards")


def zoo_folder() -> Path:
    """The trained networks of the zoo: an entry (JSON), a graph and weights each."""
    return _PACKAGE / "zoo" / "networks"


def names(folder: Path, suffix: str) -> list[str]:
    """The names of a folder's files with that suffix, sorted."""
    return sorted(path.stem for path in folder.glob(f"*{suffix}"))


def _either(installed: str, checkout: str) -> Path:
    inside = _PACKAGE / installed
    return inside if inside.is_dir() else _PACKAGE.parent / checkout
