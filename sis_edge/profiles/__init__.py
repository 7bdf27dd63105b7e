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


def of_bundle(name: str) -> DeviceProfile:
    """The shipped profile that a bundle is for.

    Only a name is taken from a bundle: a profile says which program is started as the board's Python, so its file is
    the user's to name. Raises UsageError for anything else.
    """
    if name not in names():
        raise UsageError(
            f"the bundle is for the profile {name}, which sis-edge does not ship; name its file with --profile"
        )
    return load(name)


def validate(content: Mapping[str, Any]) -> DeviceProfile:
    """A profile of these tables; raises pydantic's ValidationError."""
    return profile_model().model_validate(content)


def with_backend(profile: DeviceProfile, *backends: str) -> DeviceProfile:
    """The profile with these of its runtimes alone, in this order; none leaves the choice to the board.

    One that measures a user's own files alone needs no mention in a profile. Raises UsageError with the profile's
    runtimes for another one, and for one that is named twice.
    """
    if not backends:
        return profile
    for backend in backends:
        if backends.count(backend) > 1:
            raise UsageError(f"the runtime {backend} is named more than once; name each runtime once")
        if backend not in profile.runtime.runners and not BACKENDS.find(backend).only_given:
            has = ", ".join(profile.runtime.runners)
            raise UsageError(f"the profile {profile.name} has no runtime '{backend}'; it has: {has}")
    return profile.model_copy(update={"runtime": profile.runtime.model_copy(update={"runners": list(backends)})})


def built_for(profile: DeviceProfile, *backends: str) -> DeviceProfile:
    """The profile as a build for these of its runtimes alone sees it: the others ask for no variants and no engines.

    Raises UsageError for a runtime that the profile does not have, or that measures no networks that are built here.
    """
    for backend in backends:
        if BACKENDS.find(backend).only_given:
            raise UsageError(
                f"{backend} measures files of your own only, so nothing is built for it; leave it out of --backend"
            )
    chosen = with_backend(profile, *backends)
    kept = {BACKENDS[backend].table for backend in backends}
    others = {each.table: each for each in BACKENDS.values() if each.table not in kept} if backends else {}
    return chosen.model_copy(
        update={table: None if each.needs_table else each.settings() for table, each in others.items()}
    )


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
    "built_for",
    "find",
    "load",
    "names",
    "of_bundle",
    "profile_folder",
    "profile_model",
    "validate",
    "with_backend",
]
