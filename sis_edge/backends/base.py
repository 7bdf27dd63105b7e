"""What the host knows of a runtime: its table in a profile, what it needs from a build, what it is asked to measure.

A new runtime is a file here and a runner of the agent's (`sis_agent/runners/`), or both in a package of somebody
else's: entry points of the groups `sis_edge.backends` and `sis_agent.runners`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from sis_agent.schema import Facts, NetworkJob
from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles.identity import Form, label
from sis_edge.bundles.manifest import GivenNetwork, NetworkEntry
from sis_edge.files.model import FrozenModel
from sis_edge.files.registry import NameIn
from sis_edge.registries import PRECISIONS

PrecisionName = Annotated[str, NameIn(PRECISIONS)]


class Gpu(FrozenModel):
    """An NVIDIA GPU: which precisions its TensorRT computes, and whether it has sparse tensor cores (2:4)."""

    name: str
    compute_capability: str = Field(pattern=r"^\d+\.\d$")
    fp16: bool
    int8: bool
    sparse_24: bool
    dla_cores: int = Field(default=0, ge=0)


class BackendSettings(FrozenModel):
    """A runtime's table in a profile. `computes` are the precisions that it can be asked for; empty: all."""

    computes: ClassVar[tuple[str, ...]] = ()

    precisions: list[PrecisionName] = Field(default=["fp32"], min_length=1)

    @model_validator(mode="after")
    def _computes_them(self) -> Self:
        for precision in self.precisions:
            if self.computes and precision not in self.computes:
                raise ValueError(f"precisions has {precision}, and this runtime computes: {', '.join(self.computes)}")
        return self


@dataclass(frozen=True)
class Target:
    """The board that jobs are made for: what its profile says, and its facts once it has been asked.

    `settings` is the runtime's own table, None where the profile has none.
    """

    profile: str
    gpu: Gpu | None
    memory_limit_bytes: int | None
    settings: BackendSettings | None
    facts: Facts | None = None


class Backend(ABC):
    """One runtime. `table` is its table in a profile; without `needs_table` its defaults do.

    `takes` is the kind of file, `onnx` or `tflite`, that it measures of a user's own networks (None: none of them);
    with `only_given` it measures nothing else, so that profiles need not list it. `on_gpu` says where it computes,
    `untried` what of it has never run on hardware. `rounds_in_process` is False for one that starts a process for each
    round, so that nothing can be switched on and off between two rounds of it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    table: ClassVar[str]
    settings: ClassVar[type[BackendSettings]] = BackendSettings
    needs_table: ClassVar[bool] = False
    takes: ClassVar[str | None] = None
    only_given: ClassVar[bool] = False
    on_gpu: ClassVar[bool] = False
    untried: ClassVar[str | None] = None
    rounds_in_process: ClassVar[bool] = True

    @abstractmethod
    def jobs(self, entry: NetworkEntry, target: Target) -> list[NetworkJob]:
        """The forms of a network that it measures on that board, the plain one first.

        Raises UsageError for a profile without the runtime's table, BundleError where the bundle lacks a form.
        """

    def given(self, network: GivenNetwork, target: Target) -> NetworkJob | None:
        """A network of the user's own as this runtime measures it; None where it does not take such files.

        Raises UsageError for a profile without the runtime's table.
        """
        return None

    def variants(self, settings: BackendSettings, architecture: str) -> Sequence[VariantSpec]:
        """The other precisions that a build makes for it."""
        return ()

    def wants_native(self, settings: BackendSettings) -> bool:
        """Whether a build makes a form with native sparse kernels for it."""
        return False

    def wants_native_int8(self, settings: BackendSettings) -> bool:
        """Whether that form is made in INT8 too."""
        return False

    def wants_native_half(self, settings: BackendSettings) -> bool:
        """Whether that form is made in half precision too, for aarch64."""
        return False

    def install(self) -> str | None:
        """How a board gets it, as a next step; None where there is no general way."""
        return None

    def repair(self) -> str | None:
        """How a board that has it, and cannot import it, gets one that works; None where there is no general way."""
        return None


def network_job(
    entry: NetworkEntry,
    form: Form,
    precision: str,
    model: str,
    golden_logits: str,
    *,
    options: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
    golden_tolerance: float | None = None,
) -> NetworkJob:
    """One form of a network as a job has it, named for people and identified by its fields."""
    return NetworkJob(
        name=label(entry.name, form, precision),
        model=model,
        golden_logits=golden_logits,
        network=entry.name,
        options=options or {},
        golden_tolerance=golden_tolerance,
        files=files or {},
        form=form,
        precision=precision,
        granularity=entry.granularity.unit,
    )


def given_job(network: GivenNetwork, *, options: dict[str, Any] | None = None) -> NetworkJob:
    """A network of the user's own as a job has it."""
    return NetworkJob(
        name=network.name,
        model=network.model,
        network=network.name,
        options=options or {},
        golden_tolerance=network.golden_tolerance,
        golden_relative_tolerance=network.golden_relative_tolerance,
        form=network.form,
        precision=network.precision,
        inputs=network.inputs,
        expected=network.expected,
        labels=network.labels,
    )
