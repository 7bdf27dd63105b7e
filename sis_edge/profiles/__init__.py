"""Device profiles: what is known of a board before it is asked, one commented TOML file each.

The shipped profiles are data of the package; `--profile` also takes the path of a file of the user's own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sis_edge.errors import UsageError, unknown
from sis_edge.files import shipped
from sis_edge.files.shipped import profile_folder
from sis_edge.files.validation import load_toml
from sis_edge.profiles.schema import (
    AgentSettings,
    Board,
    DeviceProfile,
    Measuring,
    NetworkSettings,
    PowerMode,
    PowerSettings,
    Runtime,
    Wheels,
    profile_model,
)
from sis_edge.registries import BACKENDS


def names() -> list[str]:
    """The shipped profiles' names."""
    return shipped.names(profile_folder(), ".toml")


def find(name_or_path: str) -> Path:
    """The file of a shipped profile's name, or of a path that ends in .toml; raises UsageError with the known names."""
    if name_or_path.endswith(".toml"):
        return Path(name_or_path)
    if "/" in name_or_path:
        raise UsageError(
            f"unknown profile '{name_or_path}'; a profile's file ends in .toml, `sis-edge profiles list` shows all"
        )
    if name_or_path not in names():
        raise unknown("profile", name_or_path, names(), "sis-edge profiles list")
    return profile_folder() / f"{name_or_path}.toml"


def load(name_or_path: str) -> DeviceProfile:
    """The profile of that name, or of that TOML file.

    Raises UsageError that lists the known names, or names the file, the line, the field and what is wrong with it.
    """
    known = f"; known: {', '.join(names())}"
    return load_toml(find(name_or_path), "profile", profile_model(), known)[0]


def validate(content: Mapping[str, Any]) -> DeviceProfile:
    """A profile of these tables; raises pydantic's ValidationError."""
    return profile_model().model_validate(content)


def with_backend(profile: DeviceProfile, *backends: str) -> DeviceProfile:
    """The profile with these of its runtimes alone, in this order; none leaves the choice to the board.

    One that measures a user's own files alone needs no mention in a profile. Raises UsageError with the profile's
    runtimes for another one.
    """
    if not backends:
        return profile
    for backend in backends:
        if backend not in profile.runtime.runners and not BACKENDS.find(backend).only_given:
            has = ", ".join(profile.runtime.runners)
            raise UsageError(f"the profile {profile.name} has no runtime '{backend}'; it has: {has}")
    return profile.model_copy(update={"runtime": profile.runtime.model_copy(update={"runners": list(backends)})})


__all__ = [
    "AgentSettings",
    "Board",
    "DeviceProfile",
    "Measuring",
    "NetworkSettings",
    "PowerMode",
    "PowerSettings",
    "Runtime",
    "Wheels",
    "find",
    "load",
    "names",
    "profile_folder",
    "profile_model",
    "validate",
    "with_backend",
]
