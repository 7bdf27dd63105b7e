"""What a profile says of a board. Every table is a class, every field a fact or a setting; SI units in the names."""

import platform
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sis_agent.power import SOURCES
from sis_agent.schema import PowerRequest

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

Runner = Literal["tensorrt", "trtexec", "tensorrt_rtx", "onnxruntime"]
Precision = Literal["fp32", "fp16", "int8"]
Granularity = Literal["kernel", "neuron", "block", "nm", "synapse"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Board(_Model):
    """The hardware and its system. Verified says whether somebody has run sis-edge on such a board.

    `model` is the name that the board has for itself; `matches` lists pieces of names by which it is known too, of
    which the longest that fits counts. `jetpack` is the range of releases that it runs, oldest and newest.
    """

    model: str
    matches: list[Annotated[str, Field(min_length=3)]] = []
    architecture: Literal["x86_64", "aarch64", "any"]
    cpu: str
    cpu_count: Positive | None = None
    memory_bytes: int | None = Field(default=None, gt=0)
    system: str
    jetpack: (
        Annotated[list[Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]], Field(min_length=2, max_length=2)] | None
    ) = None
    verified: bool


class Gpu(_Model):
    """An NVIDIA GPU: which precisions its TensorRT computes, and whether it has sparse tensor cores (2:4)."""

    name: str
    compute_capability: str = Field(pattern=r"^\d+\.\d$")
    fp16: bool
    int8: bool
    sparse_24: bool
    dla_cores: int = Field(default=0, ge=0)


class Wheels(_Model):
    """What `deploy --provision` brings to a board with this Python: wheels that exist for it, by exact version."""

    python: str = Field(pattern=r"^3\.\d+$")
    packages: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9_.+]*$")]] = Field(min_length=1)


class AgentSettings(_Model):
    """How the agent is started: the board's Python, and the agent's own folder (relative: below the login folder).

    `sysroot` is the file tree that the agent takes for the board's; any other than "/" is a simulated board's.
    """

    python: str = "python3"
    root: str = ".sis-edge"
    sysroot: str = "/"


def _both_spellings(schema: dict[str, Any]) -> None:
    """JSON Schema knows no aliases: a file may say `batch_size` too."""
    schema["properties"]["batch_size"] = schema["properties"]["batch_sizes"]


class Runtime(_Model):
    """Which run times measure, best first: the first that the board has is taken. What all of them share stands here.

    Each combination of threads and batch size is a job. `memory_limit_bytes` is what a run time may take for its work
    beside the network itself; a GPU of a Jetson shares the board's memory.
    """

    model_config = ConfigDict(json_schema_extra=_both_spellings)

    runners: Annotated[
        list[Runner],
        Field(min_length=1),
        BeforeValidator(_listed, json_schema_input_type=Runner | list[Runner]),
    ] = ["onnxruntime"]
    threads: Counts
    batch_sizes: Counts = Field(default=[1], validation_alias=AliasChoices("batch_sizes", "batch_size"))
    memory_limit_bytes: int | None = Field(default=None, gt=0)


class OnnxRuntimeSettings(_Model):
    """ONNX Runtime on the processor; the names are its own. `cache` keeps the optimised network on the board.

    `sparse` asks for each network with native sparse kernels too, measured beside the plain one.
    """

    precisions: list[Literal["fp32", "int8"]] = Field(default=["fp32"], min_length=1)
    optimization: Literal["disabled", "basic", "extended", "all"] = "all"
    execution: Literal["sequential", "parallel"] = "sequential"
    inter_op_threads: Positive = 1
    arena: bool = True
    cache: bool = False
    sparse: bool = False

    def options(self) -> dict[str, Any]:
        """What the agent's runner is told, without what it does anyway."""
        return self.model_dump(exclude={"precisions", "sparse"}, exclude_defaults=True)


class TensorRtSettings(_Model):
    """TensorRT's builder. None leaves a choice to TensorRT itself; what was in force stands in the record."""

    precisions: list[Precision] = Field(default=["fp32"], min_length=1)
    optimization_level: Annotated[int, Field(ge=0, le=5)] | None = None
    workspace_bytes: Positive | None = None
    tactic_sources: list[str] | None = None
    timing_cache: bool = True
    tf32: bool = False
    build_limit_s: float = Field(default=1800, gt=0)


class TensorRtRtxSettings(_Model):
    """TensorRT for RTX: engines are built on this machine, ahead of time, for these GPUs."""

    compute_capabilities: list[Annotated[str, Field(pattern=r"^\d+\.\d$")]] = Field(min_length=1)
    precisions: list[Precision] = Field(default=["fp32"], min_length=1)


class NetworkSettings(_Model):
    """How networks are formed for this board: the granularity of convolutional layers and of micro networks."""

    conv: Granularity = "kernel"
    micro: Granularity = "neuron"
    block: Positive = 8


class PowerMode(_Model):
    """One of a Jetson's power modes (nvpmodel), by the ids of the JetPack that the profile is written for."""

    id: int = Field(ge=0)
    name: str
    is_default: bool = False
    cpu_hz: Hertz | None = None
    gpu_hz: Hertz | None = None


class Thermal(_Model):
    """The thermal zones that such a board has, by their types."""

    zones: list[str] = []


class Measuring(_Model):
    """How long a job measures: at least so many rounds, and of each network so many inferences and seconds.

    `inferences_per_round` 0 leaves a turn's length to the agent, which takes about 0.1 s. `power_mode` and `cpu_hz` are
    what the board should run at; a verdict compares. `memory_repeats` counts the fresh processes that a network's
    memory is taken in, `sampler_pairs` the pairs of turns that show what the sampling costs.
    """

    rounds: int = Field(default=30, ge=1)
    min_inferences: int = Field(default=1000, ge=0)
    min_time_s: float = Field(default=10.0, ge=0)
    inferences_per_round: int = Field(default=0, ge=0)
    memory_repeats: int = Field(default=3, ge=1)
    sampler_pairs: int = Field(default=30, ge=0)
    warmup_s: float = Field(default=0.5, ge=0)
    time_limit_s: float = Field(default=3600, gt=0)
    power_mode: str | None = None
    cpu_hz: float | None = Field(default=None, gt=0)


class PowerSettings(_Model):
    """Which sensors may be read, best first (none named: whatever is there), and the rule for the total.

    The total is the sum of `total_rails`, by the names that the board has for them; `scope` says what it covers and
    goes into every label. Without a rule the rails are recorded and no total is claimed. `rails` lists all that such a
    board has. `idle_s` is how long the board rests before and after, `block_s` how long a network runs back to back for
    its energy, `blocks` how often.
    """

    sources: list[str] = []
    rails: list[str] = []
    total_rails: list[str] = []
    scope: str | None = None
    idle_s: float = Field(default=10.0, ge=1)
    block_s: float = Field(default=2.0, ge=0.2)
    blocks: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _is_a_rule(self) -> "PowerSettings":
        strange = [kind for kind in self.sources if kind not in SOURCES]
        if strange:
            raise ValueError(f"sources has {strange[0]}, which is no power source; known: {', '.join(SOURCES)}")
        if bool(self.total_rails) != bool(self.scope):
            raise ValueError("total_rails and scope belong together: what is summed, and what that covers")
        missing = [rail for rail in self.total_rails if self.rails and rail not in self.rails]
        if missing:
            raise ValueError(f"total_rails has {missing[0]}, which is none of the rails: {', '.join(self.rails)}")
        return self

    def request(self) -> PowerRequest:
        """What the agent is asked for."""
        return PowerRequest(**self.model_dump(exclude={"rails"}))


class DeviceProfile(_Model):
    """One board's profile. `unverified` names the places in it that come from general knowledge, not from a source."""

    name: str
    title: str
    unverified: list[str] = []
    board: Board
    gpu: Gpu | None = None
    agent: AgentSettings = AgentSettings()
    runtime: Runtime
    onnxruntime: OnnxRuntimeSettings = OnnxRuntimeSettings()
    tensorrt: TensorRtSettings | None = None
    tensorrt_rtx: TensorRtRtxSettings | None = None
    networks: NetworkSettings = NetworkSettings()
    measuring: Measuring = Measuring()
    power: PowerSettings = PowerSettings()
    power_modes: list[PowerMode] = []
    thermal: Thermal = Thermal()
    wheels: list[Wheels] = []

    @property
    def wants_sparse(self) -> bool:
        """Whether ONNX Runtime may measure here, with native sparse kernels too."""
        return self.onnxruntime.sparse and "onnxruntime" in self.runtime.runners

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

    def _check_gpu(self) -> None:
        on_gpu = [runner for runner in self.runtime.runners if runner != "onnxruntime"]
        if on_gpu and (self.gpu is None or self.tensorrt is None):
            raise ValueError(f"runtime.runners has {on_gpu[0]}, so the tables [gpu] and [tensorrt] are needed")
        if "tensorrt_rtx" in on_gpu and self.tensorrt_rtx is None:
            raise ValueError("runtime.runners has tensorrt_rtx, so the table [tensorrt_rtx] is needed")
        if self.gpu is None or self.tensorrt is None:
            return
        for precision in self.tensorrt.precisions:
            if (precision == "fp16" and not self.gpu.fp16) or (precision == "int8" and not self.gpu.int8):
                raise ValueError(f"tensorrt.precisions has {precision}, and gpu.{precision} says that there is none")


def _has(content: Any, parts: list[str]) -> bool:
    if not parts:
        return content is not None
    if isinstance(content, list):
        return any(_has(entry, parts) for entry in content)
    return isinstance(content, dict) and parts[0] in content and _has(content[parts[0]], parts[1:])
