"""Models that sis-edge did not make, exported by torch: with a residual addition, depthwise layers, two inputs.

And one for TensorFlow Lite.
"""

import base64
import sys
import warnings
import zlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch import nn


class Residual(nn.Module):
    """A small classifier with a residual addition: float32 [batch, 3, 16, 16] -> [batch, 10]."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 1))
        self.head = nn.Linear(width, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        stem = torch.relu(self.stem(image))
        return self.head(torch.relu(stem + self.body(stem)).mean(dim=(2, 3)))


class Depthwise(nn.Module):
    """The same kind with a strided and a depthwise layer."""

    def __init__(self) -> None:
        super().__init__()
        layers = (nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 16, 1))
        self.body = nn.Sequential(*layers, nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(image)
        return found


class TwoInputs(nn.Module):
    """An image and the numbers of words: float32 [batch, 3, 16, 16] and int64 [batch, words] -> [batch, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.words = nn.Conv2d(3, 8, 3), nn.Embedding(50, 8)
        self.head = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        left, right = self.image(image).mean(dim=(2, 3)), self.words(ids).mean(dim=1)
        return self.head(torch.cat((left, right), dim=1))


IMAGE, IDS = torch.zeros(2, 3, 16, 16), torch.zeros(2, 5, dtype=torch.int64)

MODELS = {
    "residual": (Residual, (IMAGE,), {"image": {0: "batch"}}),
    "depthwise": (Depthwise, (IMAGE,), {"image": {0: "batch"}}),
    "two": (TwoInputs, (IMAGE, IDS), {"image": {0: "batch"}, "ids": {0: "batch", 1: "words"}}),
}


def write(name: str, folder: Path) -> Path:
    """The model of that name as `folder/NAME.onnx`: the same weights each time, its batch not fixed."""
    path = folder / f"{name}.onnx"
    path.write_bytes(exported(name))
    return path


@cache
def exported(name: str) -> bytes:
    """The ONNX of a model, exported once in a run of the tests."""
    kind, example, axes = MODELS[name]
    torch.manual_seed(0)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no other package says that it is old
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            kind().eval(),
            example,
            str(path),
            dynamo=False,
            input_names=list(axes),
            output_names=["scores"],
            dynamic_axes={**axes, "scores": {0: "batch"}},
            opset_version=13,
        )
        return path.read_bytes()


# sum = a + b, float32 [2, 3] each: a flatbuffer written by the schema's own code (PyPI: tflite, flatbuffers).
ADD = (
    "c-oU-U|<Mw^D$;%;A0SB5Mbb8-~fuS0C@~R9s`2}5X%5DGY~U^Wf&M@{{R0EVyi&KAUfE<av*ag;3h%L5dmTYB(rj$=Hw=3<}pCc"
    "V1i;8pAo7L;w}cTdE8L*G$6{jLH6?C(9Z&f5O+sF^?>*XfNtl2`VFRs8H$Tba~U4skO!HW1h$U{>Q4@^-MG{y0x<wkWfTG"
    ""
)


def write_tflite(folder: Path) -> Path:
    """`sum = a + b` as `folder/add.tflite`, float32 [2, 3] each."""
    path = folder / "add.tflite"
    path.write_bytes(zlib.decompress(base64.b85decode(ADD)))
    return path


def hide_tflite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be a machine without TensorFlow Lite, also where it was imported before."""
    for name in ("ai_edge_litert", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, name, None)
