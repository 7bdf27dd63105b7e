"""Small networks as ONNX files, for what happens after the export."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from small import SPEC

from sis_edge.exporting import onnx_file
from sis_edge.exporting.compact import fold
from sis_edge.formation import Formation, form, preset
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.spec import NetworkSpec, nin


def model(formation: Formation, spec: NetworkSpec = SPEC) -> onnx.ModelProto:
    """An untrained network of this formation."""
    network = SisNet(compact(form(spec, formation)), seed=formation.seed).eval()
    return onnx_file.to_onnx(fold(network), spec.name)


def preset_model(name: str, conv: str = "kernel") -> onnx.ModelProto:
    """An untrained network of the paper, with convolutional layers of this granularity."""
    formation = preset(name).formation()
    return model(formation if conv == "kernel" else replace(formation, conv=conv), nin())


def saved(model: onnx.ModelProto, path: Path) -> Path:
    """The model in a file."""
    onnx_file.save(model, path)
    return path


def images(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Normalised noise [count, 3, 32, 32]."""
    return np.random.default_rng(seed).normal(size=(count, 3, 32, 32)).astype(np.float32)
