"""A bundle's engines for desktop GPUs: built here, ahead of time, each once for the same ONNX and settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sis_edge.backends import tensorrt_rtx
from sis_edge.backends.tensorrt_rtx import TensorRtRtxSettings
from sis_edge.backends.variants import VariantSpec
from sis_edge.bundles import manifest
from sis_edge.files import own_programs, stages
from sis_edge.files.hashing import file_sha256
from sis_edge.profiles import DeviceProfile

VERSION = 2


@dataclass(frozen=True)
class Built:
    """An engine in the folder of its stage; `source` and `golden_logits` are names of files beside it in the bundle."""

    file: Path
    precision: str
    source: str
    golden_logits: str
    golden_tolerance: float | None
    compute_capabilities: tuple[str, ...]
    told: Mapping[str, Any]

    def entry(self, network: str) -> manifest.RtxEngine:
        """What the manifest says of it."""
        folder = f"networks/{network}"
        return manifest.RtxEngine.model_validate(
            {
                "precision": self.precision,
                "plan": f"{folder}/{self.file.name}",
                "source": f"{folder}/{self.source}",
                "golden_logits": f"{folder}/{self.golden_logits}",
                "golden_tolerance": self.golden_tolerance,
                "compute_capabilities": self.compute_capabilities,
                **self.told,
            }
        )


def settings(profile: DeviceProfile) -> dict[str, Any] | None:
    """What the engines depend on beside the networks; None where none are asked for or none can be built here."""
    wanted = profile.settings(TensorRtRtxSettings)
    if wanted is None or not tensorrt_rtx.is_installed():
        return None
    return {
        **wanted.model_dump(),
        "batch_sizes": profile.runtime.batch_sizes,
        "tensorrt_rtx": tensorrt_rtx.version(),
        "version": VERSION,
    }


def build(
    root: Path,
    profile: DeviceProfile,
    model: Path,
    variants: Mapping[VariantSpec, tuple[Path, Mapping[str, Any]]],
    on_step: Callable[[int, int, str], None],
) -> list[Built]:
    """One engine for each precision that the profile asks for; none, and a word on why, without the extra.

    `model` is the ONNX in float32, `variants` the folder and the summary of each other form. Raises ExportError with
    the library's words where it refuses one.
    """
    wanted, common = profile.settings(TensorRtRtxSettings), settings(profile)
    if wanted is None:
        return []
    if common is None:
        on_step(1, 1, f"no engines, since TensorRT for RTX is not installed here; {tensorrt_rtx.install()}")
        return []
    sources: dict[str, tuple[Path, str, float | None]] = {"fp32": (model, "golden_logits.npy", None)}
    for spec, (folder, summary) in variants.items():
        if spec.runtime == "tensorrt":
            sources[spec.precision] = (folder / spec.model, spec.golden_logits, summary["golden_tolerance"])
    found = []
    for at, precision in enumerate(wanted.precisions):
        source, golden_logits, tolerance = sources[precision]
        name = f"rtx-{precision}.plan"

        def make(folder: Path, source: Path = source, name: str = name) -> dict[str, Any]:
            engine = tensorrt_rtx.build(source, wanted.compute_capabilities, batch_sizes=profile.runtime.batch_sizes)
            (folder / name).write_bytes(engine.plan)
            own_programs.remember(folder / name)
            return {"version": engine.version, "build_s": engine.build_s}

        # The precisions asked for beside it change nothing in an engine.
        inputs = {**common, "precisions": None, "model": file_sha256(source)}
        outcome = stages.run(root, "engine", inputs, make)
        found.append(
            Built(
                outcome.folder / name,
                precision,
                source.name,
                golden_logits,
                tolerance,
                tuple(wanted.compute_capabilities),
                outcome.summary,
            )
        )
        on_step(at + 1, len(wanted.precisions), precision)
    return found
