"""The definition of a simulated board: one TOML file each, written from the board's documentation."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sis_edge.errors import UsageError, unknown


class _BoardModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cores(_BoardModel):
    """The processor as /proc/cpuinfo and cpufreq show it.

    `parts` has "implementer part" of ARM cores, one for all or one for each; other processors set `model_name`.
    """

    count: int = Field(ge=1)
    parts: list[str] = []
    model_name: str | None = None
    features: str
    min_khz: int = Field(gt=0)
    max_khz: int = Field(gt=0)
    governor: str = "schedutil"


class Rail(_BoardModel):
    """One rail: power of the idle and of the busy board in watts, and its voltage."""

    idle_w: float
    busy_w: float
    volts: float = Field(default=5.0, gt=0)


class Definition(_BoardModel):
    """One board. `files` are constant, `moving` ones are templates of the model's values, `links` are symbolic.

    A template names rails and the board: {VDD_IN.mW}, {board.busy_percent} (see model.py). Every `update_interval_s` a
    sensor's file changes to the mean since the last update. `noise` is the relative standard deviation of one such
    value; energy counters wrap around at `range_j`. `temperatures_c` are those of the idle and of the busy board, by
    thermal zone. `tools` are replacements from the folder `tools`.
    """

    name: str
    title: str
    profile: str
    model: str
    machine: str
    kernel: str
    os_name: str
    memory_bytes: int
    update_interval_s: float = Field(gt=0)
    noise: float = Field(default=0.01, ge=0)
    range_j: float = 262_143.32885
    cpu: Cores
    rails: dict[str, Rail] = {}
    temperatures_c: dict[str, tuple[float, float]] = {}
    tools: list[str] = []
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    moving: dict[str, str] = {}


def folder() -> Path:
    """The folder of the definitions: inside an installed package, with the tests in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_boards"
    return installed if installed.is_dir() else package.parent / "tests" / "boards"


def names() -> list[str]:
    """The simulated boards' names."""
    return sorted(path.stem for path in folder().glob("*.toml"))


def load(name: str) -> Definition:
    """The board of that name; raises UsageError with the known names, or with the fault in its file."""
    if name not in names():
        raise unknown("simulated board", name, names())
    path = folder() / f"{name}.toml"
    try:
        with path.open("rb") as file:
            return Definition.model_validate(tomllib.load(file))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"invalid simulated board {path}: {error}") from None
