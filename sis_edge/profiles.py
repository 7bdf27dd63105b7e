"""Device profiles: what is known of a board before it is asked, one commented TOML file each.

The shipped profiles are data of the package; `--profile` also takes the path of a file of the user's own.
"""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sis_edge.errors import UsageError, unknown


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Board(_Model):
    """The hardware and its system. Verified says whether somebody has run sis-edge on such a board."""

    model: str
    architecture: Literal["x86_64", "aarch64", "any"]
    cpu: str
    memory_bytes: int | None = Field(default=None, gt=0)
    system: str
    verified: bool


class AgentSettings(_Model):
    """How the agent is started: the board's Python, and the agent's own folder (relative: below the login folder)."""

    python: str = "python3"
    root: str = ".sis-edge"


class Runtime(_Model):
    """Which run time measures, and with what settings."""

    runner: Literal["onnxruntime"] = "onnxruntime"
    threads: int = Field(ge=1)
    batch_size: int = Field(default=1, ge=1)


class Measuring(_Model):
    """How long a job measures: rounds, and in each round this many inferences of every network."""

    rounds: int = Field(default=30, ge=1)
    inferences_per_round: int = Field(default=20, ge=1)
    warmup_s: float = Field(default=0.5, ge=0)
    time_limit_s: float = Field(default=3600, gt=0)


class DeviceProfile(_Model):
    """One board's profile."""

    name: str
    title: str
    board: Board
    agent: AgentSettings = AgentSettings()
    runtime: Runtime
    measuring: Measuring = Measuring()


def profile_folder() -> Path:
    """Where the shipped profiles lie: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_profiles"
    return installed if installed.is_dir() else package.parent / "profiles"


def names() -> list[str]:
    """The shipped profiles' names."""
    return sorted(path.stem for path in profile_folder().glob("*.toml"))


def find(name_or_path: str) -> Path:
    """The file of a shipped profile's name, or of a path that ends in .toml; raises UsageError with the known names."""
    if name_or_path.endswith(".toml"):
        return Path(name_or_path)
    if name_or_path not in names():
        raise unknown("profile", name_or_path, [*names(), "or the path of a .toml file"])
    return profile_folder() / f"{name_or_path}.toml"


def load(name_or_path: str) -> DeviceProfile:
    """The profile of that name, or of that TOML file.

    Raises UsageError that lists the known names, or names the file, the field and what is wrong with it.
    """
    path = find(name_or_path)
    try:
        with path.open("rb") as file:
            return DeviceProfile.model_validate(tomllib.load(file))
    except OSError as error:
        raise UsageError(f"the profile {path} cannot be read ({error.strerror}); known: {', '.join(names())}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the profile {path} is not TOML: {error}") from None
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)
        )
        raise UsageError(f"the profile {path} does not fit: {places}") from None
