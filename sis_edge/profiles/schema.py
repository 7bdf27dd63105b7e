"""What a profile says of a board. Every table is a class, every field a fact or a setting; SI units in the names."""

import platform
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, create_model, model_validator

from sis_agent.schema import Facts, PowerRequest
from sis_edge.backends.base import BackendSettings, Gpu, Target
from sis_edge.backends.variants import VariantSpec
from sis_edge.files.model import FrozenModel
from sis_edge.files.registry import NameIn
from sis_edge.registries import BACKENDS, GRANULARITIES, POWER_SOURCES, PRECISIONS

Positive = Annotated[int, Field(ge=1)]
Hertz = Annotated[float, Field(gt=0)]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


# One number, or several that are measured one after the other.
Counts = Annotated[
    list[Positive],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Positive | list[Positive]),
]

RunnerName = Annotated[str, NameIn(BACKENDS)]
GranularityName = Annotated[str, NameIn(GRANULARITIES)]
PowerSourceName = Annotated[str, NameIn(POWER_SOURCES)]

S = TypeVar("S", bound=BackendSettings)


class Board(FrozenModel):
    """The hardware and its system. Verified says whether somebody has run sis-edge on such a board.

    `model` is the name that the board has for itself; `matches` lists pieces of names by which it is known too, of
    which the longest that fits counts. `related` are pieces of names of other boards with the same processor: the
    profile is taken for them, and the difference is reported. `jetpack` is the range of releases that it runs, oldest
    and newest.
    """

    model: str
    matches: list[Annotated[str, Field(min_length=3)]] = []
    related: list[Annotated[str, Field(min_length=3)]] = []
    architecture: Literal["x86_64", "aarch64", "any"]
    cpu: str
    cpu_count: Positive | None = None
    memory_bytes: int | None = Field(default=None, gt=0)
    system: str
    jetpack: (
        Annotated[list[Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]], Field(min_length=2, max_length=2)] | None
    ) = None
    verified: bool


class Wheels(FrozenModel):
    """What `deploy --provision` brings to a board with this Python: wheels that exist for it, by exact version.

    `sha256` are the hashes of the files that may come; sis-edge knows those of the wheels that its own profiles pin.
    """

    python: str = Field(pattern=r"^3\.\d+$")
    packages: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9_.+]*$")]] = Field(min_length=1)
    sha256: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = []


class AgentSettings(FrozenModel):
    """How the agent is started: the board's Python, and the agent's own folder (relative: below the login folder).

    `sysroot` is the file tree that the agent takes for the board's; any other than "/" is a simulated board's.
    """

    python: str = "python3"
    root: str = ".sis-edge"
    sysroot: str = "/"


def _both_spellings(schema: dict[str, Any]) -> None:
    """JSON Schema knows no aliases: a file may say `batch_size` too."""
    schema["properties"]["batch_size"] = schema["properties"]["batch_sizes"]


class Runtime(FrozenModel):
    """Which runtimes measure, best first: the first that the board has is taken. What all of them share is here.

    Each combination of threads and batch size is a job. `memory_limit_bytes` is what a runtime may take for its work
    beside the network itself; a GPU of a Jetson shares the board's memory.
    """

    model_config = ConfigDict(json_schema_extra=_both_spellings)

    runners: Annotated[
        list[RunnerName],
        Field(min_length=1),
        BeforeValidator(_listed, json_schema_input_type=RunnerName | list[RunnerName]),
    ] = ["onnxruntime"]
    threads: Counts
    batch_sizes: Counts = Field(default=[1], validation_alias=AliasChoices("batch_sizes", "batch_size"))
    memory_limit_bytes: int | None = Field(default=None, gt=0)


class NetworkSettings(FrozenModel):
    """How networks are formed for this board: the granularity of convolutional layers and of micro networks."""

    conv: GranularityName = "kernel"
    micro: GranularityName = "neuron"
    block: Positive = 8


class PowerMode(FrozenModel):
    """One of a Jetson's power modes (nvpmodel), by the ids of the JetPack that the profile is written for."""

    id: int = Field(ge=0)
    name: str
    is_default: bool = False
    cpu_hz: Hertz | None = None
    gpu_hz: Hertz | None = None


class Thermal(FrozenModel):
    """The thermal zones that such a board has, by their types."""

    zones: list[str] = []


class Measuring(FrozenModel):
    """How long a job measures: at least so many rounds, and of each network so many inferences and seconds.

    `inferences_per_round` 0 leaves a turn's length to the agent, which takes about 0.1 s. `power_mode` and `cpu_hz` are
    what the board should run at; a verdict compares. `memory_repeats` counts the fresh processes that a network's
    memory is taken in, `sampler_pairs` the pairs of turns that show what the sampling costs. The rounds are spread over
    `processes` fresh worker processes.
    """

    rounds: int = Field(default=30, ge=1)
    min_inferences: int = Field(default=1000, ge=0)
    min_time_s: float = Field(default=10.0, ge=0)
    inferences_per_round: int = Field(default=0, ge=0)
    memory_repeats: int = Field(default=3, ge=1)
    sampler_pairs: int = Field(default=30, ge=0)
    processes: int = Field(default=3, ge=1)
    warmup_s: float = Field(default=0.5, ge=0)
    time_limit_s: float = Field(default=3600, gt=0)
    power_mode: str | None = None
    cpu_hz: float | None = Field(default=None, gt=0)


class PowerSettings(FrozenModel):
    """Which sensors may be read, best first (none named: whatever is there), and the rule for the total.

    The total is the sum of `total_rails`, by the names that the board has for them; `scope` says what it covers and
    goes into every label. Without a rule the rails are recorded and no total is claimed. `rails` lists all that such a
    board has. `idle_s` is how long the board rests before and after, `block_s` how long a network runs back to back for
    its energy, `blocks` how often. `floor_w` and `max_w` are the least and the most that a running board can show
    within that scope: readings beyond them are no energy. `gain_error` is the share by which its sensor may be off,
    where that is known better than by its chip's data sheet.
    """

    sources: list[PowerSourceName] = []
    rails: list[str] = []
    total_rails: list[str] = []
    scope: str | None = None
    idle_s: float = Field(default=10.0, ge=1)
    block_s: float = Field(default=2.0, ge=0.2)
    blocks: int = Field(default=5, ge=1)
    floor_w: float | None = Field(default=None, gt=0)
    max_w: float | None = Field(default=None, gt=0)
    gain_error: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _is_a_rule(self) -> "PowerSettings":
        if bool(self.total_rails) != bool(self.scope):
            raise ValueError("total_rails and scope belong together: what is summed, and what that covers")
        missing = [rail for rail in self.total_rails if self.rails and rail not in self.rails]
        if missing:
            raise ValueError(f"total_rails has {missing[0]}, which is none of the rails: {', '.join(self.rails)}")
        if self.floor_w is not None and self.max_w is not None and self.floor_w >= self.max_w:
            raise ValueError(f"floor_w is {self.floor_w:g} and max_w {self.max_w:g}: the least is below the most")
        return self

    def request(self) -> PowerRequest:
        """What the agent is asked for."""
        return PowerRequest(**self.model_dump(exclude={"rails"}))


class DeviceProfile(FrozenModel):
    """One board's profile. `unverified` names the places in it that come from general knowledge, not from a source.

    A runtime's table is a field of its own, of the runtime's settings (see `profile_model`); `settings` reads it.
    """

    name: str
    title: str
    unverified: list[str] = []
    board: Board
    gpu: Gpu | None = None
    agent: AgentSettings = AgentSettings()
    runtime: Runtime
    networks: NetworkSettings = NetworkSettings()
    measuring: Measuring = Measuring()
    power: PowerSettings = PowerSettings()
    power_modes: list[PowerMode] = []
    thermal: Thermal = Thermal()
    wheels: list[Wheels] = []

    def settings(self, kind: type[S]) -> S | None:
        """The runtime's table of that kind; None where the profile has none and the runtime needs one."""
        return next((table for table in self._tables() if isinstance(table, kind)), None)

    def settings_of(self, runner: str) -> BackendSettings | None:
        """The table of a runtime by its name."""
        table = getattr(self, BACKENDS.find(runner).table)
        return table if isinstance(table, BackendSettings) else None

    def target(self, runner: str, facts: Facts | None = None) -> Target:
        """The board as a runtime sees it."""
        return Target(self.name, self.gpu, self.runtime.memory_limit_bytes, self.settings_of(runner), facts)

    @property
    def wants_native(self) -> bool:
        """Whether a runtime that may measure here takes networks with native sparse kernels."""
        return any(BACKENDS[runner].wants_native(table) for runner, table in self._runner_tables())

    @property
    def wants_native_int8(self) -> bool:
        """Whether one takes them in INT8 too."""
        return any(BACKENDS[runner].wants_native_int8(table) for runner, table in self._runner_tables())

    @property
    def wants_native_half(self) -> bool:
        """Whether one takes them in half precision too."""
        return any(BACKENDS[runner].wants_native_half(table) for runner, table in self._runner_tables())

    def _runner_tables(self) -> "list[tuple[str, BackendSettings]]":
        """The runtimes that may measure here and have a table."""
        named = ((runner, self.settings_of(runner)) for runner in self.runtime.runners)
        return [(runner, table) for runner, table in named if table is not None]

    @property
    def variant_specs(self) -> tuple[VariantSpec, ...]:
        """The other precisions that a build makes for the profile's runtimes, each once."""
        specs = [
            spec
            for runner in BACKENDS
            if (table := self.settings_of(runner)) is not None
            for spec in BACKENDS[runner].variants(table, self.board.architecture)
        ]
        return tuple(dict.fromkeys(specs))

    @property
    def machine(self) -> str:
        """The architecture that programs for the board are compiled for; a simulated board runs this machine's."""
        is_here = self.board.architecture == "any" or self.agent.sysroot != "/"
        return platform.machine() if is_here else self.board.architecture

    def power_mode(self, name: str | None) -> PowerMode | None:
        """The power mode of that name, as the board itself spells it; None where the profile does not know it."""
        wanted = (name or "").strip().casefold()
        return next((mode for mode in self.power_modes if mode.name.casefold() == wanted), None)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "DeviceProfile":
        self._check_gpu()
        if self.wants_native_half and self.machine != "aarch64":
            raise ValueError(f"onnxruntime.precisions has fp16, whose kernels are for aarch64, not {self.machine}")
        modes = [mode.name for mode in self.power_modes]
        if len(set(modes)) < len(modes) or len({mode.id for mode in self.power_modes}) < len(modes):
            raise ValueError("power_modes has an id or a name twice")
        if sum(mode.is_default for mode in self.power_modes) > 1:
            raise ValueError("power_modes has two defaults; a board starts in one mode")
        expected = self.measuring.power_mode
        if modes and expected is not None and expected not in modes:
            raise ValueError(
                f"measuring.power_mode is {expected}, which is none of the power_modes: {', '.join(modes)}"
            )
        pythons = [wheels.python for wheels in self.wheels]
        if len(set(pythons)) < len(pythons):
            raise ValueError("wheels has a Python twice")
        content = self.model_dump()
        for place in self.unverified:
            if not _has(content, place.split(".")):
                raise ValueError(f"unverified names {place}, and there is no such place in the profile")
        return self

    def _tables(self) -> Iterator[BackendSettings]:
        tables = (getattr(self, name) for name in dict.fromkeys(backend.table for backend in BACKENDS.values()))
        yield from (table for table in tables if isinstance(table, BackendSettings))

    def _check_gpu(self) -> None:
        for runner in self.runtime.runners:
            backend = BACKENDS[runner]
            lacking = ["gpu"] if backend.on_gpu and self.gpu is None else []
            lacking += [backend.table] if backend.needs_table and self.settings_of(runner) is None else []
            if lacking:
                tables = " and ".join(f"[{name}]" for name in lacking)
                raise ValueError(
                    f"runtime.runners has {runner}, so the table{'s' * (len(lacking) > 1)} {tables} must be there"
                )
        if self.gpu is None:
            return
        for backend in BACKENDS.values():
            table = self.settings_of(backend.name) if backend.on_gpu else None
            for precision in table.precisions if table else ():
                flag = PRECISIONS[precision].gpu_flag
                if flag is not None and not getattr(self.gpu, flag):
                    raise ValueError(
                        f"{backend.table}.precisions has {precision}, and gpu.{flag} says that there is none"
                    )


@cache
def _model_of(tables: tuple[tuple[str, type[BackendSettings], bool], ...]) -> type[DeviceProfile]:
    fields: dict[str, Any] = {
        name: (kind | None, None) if needs_table else (kind, kind()) for name, kind, needs_table in tables
    }
    return create_model("DeviceProfile", __base__=DeviceProfile, __doc__=DeviceProfile.__doc__, **fields)


def profile_model() -> type[DeviceProfile]:
    """The whole model of a profile: the tables of every runtime that is known now are fields of it."""
    return _model_of(
        tuple(dict.fromkeys((backend.table, backend.settings, backend.needs_table) for backend in BACKENDS.values()))
    )


def _has(content: Any, parts: list[str]) -> bool:
    if not parts:
        return content is not None
    if isinstance(content, list):
        return any(_has(entry, parts) for entry in content)
    return isinstance(content, dict) and parts[0] in content and _has(content[parts[0]], parts[1:])
