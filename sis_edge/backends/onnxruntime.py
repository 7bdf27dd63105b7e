"""ONNX Runtime on the processor: each network as it is, with native kernels, in INT8, as the profile says."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sis_agent.schema import NetworkJob
from sis_edge.backends.base import Backend, BackendSettings, Target, given_job, network_job
from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles.identity import NATIVE, PLAIN
from sis_edge.bundles.manifest import GivenNetwork, NetworkEntry

Positive = Annotated[int, Field(ge=1)]


class OnnxRuntimeSettings(BackendSettings):
    """ONNX Runtime on the processor; the names are its own. `cache` keeps the optimised network on the board.

    `sparse` asks for each network with native sparse kernels too, measured in the same rounds as the plain one. fp16 is
    computed by native kernels only, on aarch64 processors with FEAT_FP16.
    """

    computes = ("fp32", "fp16", "int8")

    optimization: Literal["disabled", "basic", "extended", "all"] = "all"
    execution: Literal["sequential", "parallel"] = "sequential"
    inter_op_threads: Positive = 1
    arena: bool = True
    cache: bool = False
    sparse: bool = False

    @model_validator(mode="after")
    def _has_kernels_for_half(self) -> Self:
        if "fp16" in self.precisions and not (self.sparse and "fp32" in self.precisions):
            raise ValueError(
                "precisions has fp16, which native kernels alone compute here: it needs sparse = true, and fp32 in "
                "precisions for processors without it"
            )
        return self

    def options(self) -> dict[str, Any]:
        """What the agent's runner is told, without what it does anyway."""
        return self.model_dump(exclude={"precisions", "sparse"}, exclude_defaults=True)


class OnnxRuntime(Backend):
    """Stock ONNX Runtime, and with the library of native kernels where the bundle has one."""

    name = table = "onnxruntime"
    title = "ONNX Runtime"
    takes = "onnx"
    settings = OnnxRuntimeSettings

    def jobs(self, entry: NetworkEntry, target: Target) -> list[NetworkJob]:
        """The plain network, then native kernels and INT8 where the bundle has them and the profile asks."""
        settings = _settings(target.settings)
        options = settings.options()
        jobs = []
        if "fp32" in settings.precisions:
            jobs.append(network_job(entry, PLAIN, "fp32", entry.model, entry.golden_logits, options=options))
            native = entry.sparse and entry.sparse.network
            if settings.sparse and native:
                files = {"custom_ops": native.library}
                jobs.append(
                    network_job(entry, NATIVE, "fp32", native.model, entry.golden_logits, options=options, files=files)
                )
        for variant in entry.variants:
            is_wanted = settings.sparse or variant.form == PLAIN
            if variant.runtime == self.name and variant.precision in settings.precisions and is_wanted:
                jobs.append(
                    network_job(
                        entry,
                        variant.form,
                        variant.precision,
                        variant.model,
                        variant.golden_logits,
                        options=options,
                        files={"custom_ops": variant.library} if variant.library else None,
                        golden_tolerance=variant.golden_tolerance,
                    )
                )
        return jobs

    def given(self, network: GivenNetwork, target: Target) -> NetworkJob | None:
        """Any ONNX file."""
        if network.runtime != self.takes:
            return None
        return given_job(network, options=_settings(target.settings).options())

    def variants(self, settings: BackendSettings, architecture: str) -> Sequence[VariantSpec]:
        """INT8 in its layout; x86 processors without VNNI saturate, so weights are narrow but on ARM."""
        if "int8" not in settings.precisions:
            return ()
        return (VariantSpec("int8-onnxruntime", "int8", self.name, narrow_weights=architecture != "aarch64"),)

    def wants_native(self, settings: BackendSettings) -> bool:
        """As the table says."""
        return _settings(settings).sparse

    def wants_native_int8(self, settings: BackendSettings) -> bool:
        """Where the table asks for native kernels and for INT8."""
        return _settings(settings).sparse and "int8" in settings.precisions

    def wants_native_half(self, settings: BackendSettings) -> bool:
        """Where the table asks for fp16, which it can with native kernels only."""
        return "fp16" in settings.precisions

    def install(self) -> str:
        """There are wheels for most boards."""
        return (
            "`sis-edge deploy --provision` brings ONNX Runtime to it, or install it for that Python "
            "(`pip install onnxruntime`)"
        )

    def repair(self) -> str:
        """The agent's own packages are found before the board's."""
        return "or let `sis-edge deploy --provision` bring a numpy and an ONNX Runtime that fit together"


def _settings(settings: BackendSettings | None) -> OnnxRuntimeSettings:
    return settings if isinstance(settings, OnnxRuntimeSettings) else OnnxRuntimeSettings()


BACKEND = OnnxRuntime()
