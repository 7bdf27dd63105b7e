"""What a simulated board is: one TOML file each, written from the boards' documentation."""

import tomllib

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sis_edge.errors import UsageError, unknown
from sis_edge.files import shipped


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cores(_Model):
    """The processor as /proc/cpuinfo and cpufreq show it.

    `parts` names a core's "implementer part" where it is an ARM, one for all or one for each; else `model_name` is set.
    """

    count: int = Field(ge=1)
    parts: list[str] = []
    model_name: str | None = None
    features: str
    min_khz: int = Field(gt=0)
    max_khz: int = Field(gt=0)
    governor: str = "schedutil"


class Rail(_Model):
    """One rail: power of the resting and of the working board in watts, and its voltage."""

    idle_w: float
    busy_w: float
    volts: float = Field(default=5.0, gt=0)


class Definition(_Model):
    """One board. `files` stay as they are, `moving` ones are templates of what the model says, `links` are symbolic.

    A template names rails and the board: {VDD_IN.mW}, {board.busy_percent} (see model.py). `update_interval_s` is the
    sensors': their files change so often, each time to the mean since the last. `noise` is the relative standard
    deviation of one such value, `range_j` where counters of energy wrap around. `temperatures_c` are those of the
    resting and of the working board, by thermal zone. `tools` are stand-ins from the folder `tools`.
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


def names() -> list[str]:
    """The simulated boards' names."""
    return shipped.names(shipped.board_folder(), ".toml")


def load(name: str) -> Definition:
    """The board of that name; raises UsageError with the known names, or with what is wrong in its file."""
    if name not in names():
        raise unknown("simulated board", name, names())
    path = shipped.board_folder() / f"{name}.toml"
    try:
        with path.open("rb") as file:
            return Definition.model_validate(tomllib.load(file))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"the simulated board {path} does not fit: {error}") from None
