"""The definition of a simulated board: one TOML file each, written from the board's documentation."""

import tomllib
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sis_edge.errors import UsageError, unknown
from sis_edge.files import shipped


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


class ThermalModel(_BoardModel):
    """How a board warms up and throttles: a first-order RC model with steps of the clock, and a hysteresis.

    Every zone goes towards its idle or busy temperature, in proportion to the power, with `time_constant_s`. While
    `zone` is at or above `throttle_c` the clock goes down one of `steps` (shares of the full clock, descending from 1)
    every `dwell_s`, and up again below `throttle_c` - `hysteresis_c`. A busy board's power above its idle power is in
    proportion to the clock, and so is its speed. `gpu_max_hz` is the GPU's full clock, where it shows one.
    """

    zone: str
    time_constant_s: float = Field(gt=0)
    throttle_c: float
    hysteresis_c: float = Field(gt=0)
    dwell_s: float = Field(gt=0)
    steps: list[float] = Field(min_length=2)
    gpu_max_hz: int | None = None

    @model_validator(mode="after")
    def _descends(self) -> "ThermalModel":
        if self.steps[0] != 1 or any(not 0 < later < earlier for earlier, later in pairwise(self.steps)):
            raise ValueError(f"steps are {self.steps}, and must descend from 1 and stay above 0")
        return self


class Definition(_BoardModel):
    """One board. `files` are constant, `moving` ones are templates of the model's values, `links` are symbolic.

    A template names rails and the board: {VDD_IN.mW}, {board.busy_percent} (see model.py). Every `update_interval_s` a
    sensor's file changes to the mean since the last update. `noise` is the relative standard deviation of one such
    value; energy counters wrap around at `range_j`. `temperatures_c` are those of the idle and of the busy board, by
    thermal zone; those of `zones_off` belong to units without power, and have no temperature that can be read. `tools`
    are replacements from the folder `tools`. `thermal` None: it never throttles.
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
    zones_off: list[str] = []
    thermal: ThermalModel | None = None
    tools: list[str] = []
    files: dict[str, str] = {}
    links: dict[str, str] = {}
    moving: dict[str, str] = {}

    @model_validator(mode="after")
    def _has_its_zone(self) -> "Definition":
        if self.thermal is not None and self.thermal.zone not in self.temperatures_c:
            raise ValueError(f"thermal.zone is {self.thermal.zone}, and temperatures_c has no such zone")
        return self


def names() -> list[str]:
    """The simulated boards' names."""
    return shipped.names(shipped.board_folder(), ".toml")


def load(name: str) -> Definition:
    """The board of that name; raises UsageError with the known names, or with the fault in its file."""
    if name not in names():
        raise unknown("simulated board", name, names())
    path = shipped.board_folder() / f"{name}.toml"
    try:
        with path.open("rb") as file:
            return Definition.model_validate(tomllib.load(file))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"invalid simulated board {path}: {error}") from None
