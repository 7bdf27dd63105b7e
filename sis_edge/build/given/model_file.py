"""A model's file: what it is, which inputs it takes, and the files that belong to it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sis_edge.errors import UsageError
from sis_edge.files.hashing import file_sha256
from sis_edge.files.lfs import check_fetched
from sis_edge.files.names import checked
from sis_edge.text.limits import with_limit

if TYPE_CHECKING:
    import onnx

Runtime = Literal["onnx", "tflite"]
Axis = int | str
"""The length of an axis, or the name of one that is not fixed (`?` where it has none)."""

LARGEST_BYTES = 2**31 - 1
"""What a protobuf may hold, and with it the tools that read ONNX."""


@dataclass(frozen=True)
class ModelInput:
    """An input as the file declares it; `dtype` is numpy's name."""

    name: str
    dtype: str
    shape: tuple[Axis, ...]


@dataclass(frozen=True)
class ModelFile:
    """A model on this machine. `external` are the files with its weights, relative to its folder."""

    name: str
    path: Path
    runtime: Runtime
    inputs: tuple[ModelInput, ...]
    sha256: str
    opset: int | None = None
    external: tuple[str, ...] = ()
    proto: "onnx.ModelProto | None" = field(default=None, compare=False, repr=False)


def named(text: str) -> tuple[str, Path]:
    """The name and the path of `NAME=path`, or of a path alone, whose name is the file's without its ending.

    >>> named("small=models/v2.onnx"), named("models/v2.onnx")
    (('small', PosixPath('models/v2.onnx')), ('v2', PosixPath('models/v2.onnx')))
    """
    name, equals, path = text.partition("=")
    if not text or (equals and not path):
        raise UsageError(f"'{text}' names no model; give FILE or NAME=FILE")
    if equals and "/" not in name and not Path(text).exists():
        return checked("network", name), Path(path)
    stem = Path(text).stem
    try:
        return checked("network", stem), Path(text)
    except UsageError as error:
        raise UsageError(f"{error}; NAME={text} gives it another") from None


def read(text: str, runtime: Runtime) -> ModelFile:
    """The model of `NAME=path` or a path; raises UsageError for a file that is not one, in a sentence."""
    from sis_edge.build.given import onnx_file, tflite_file

    name, path = named(text)
    try:
        size_bytes = path.stat().st_size
        if path.is_dir():
            raise UsageError(f"{path} is a folder, and --{runtime} takes a file")
        check_fetched(path)
    except OSError as error:
        raise UsageError(f"the model {path} cannot be read ({error.strerror}); check the path of --{runtime}") from None
    check_size(path, size_bytes)
    sha256 = file_sha256(path)
    if runtime == "tflite":
        return ModelFile(name, path, runtime, tflite_file.inputs(path), sha256)
    proto = onnx_file.load(path)
    external = onnx_file.external_files(proto, path)
    check_size(path, size_bytes + sum((path.parent / file).stat().st_size for file in external))
    return ModelFile(
        name, path, runtime, onnx_file.inputs(proto, path), sha256, onnx_file.opset(proto), external, proto
    )


def check_size(path: Path, size_bytes: int) -> None:
    """Raise UsageError for a model that is too large, with its external data."""
    if size_bytes > LARGEST_BYTES:
        size, limit = with_limit(size_bytes / 1e9, LARGEST_BYTES / 1e9, ".1f")
        raise UsageError(
            f"the model {path} has {size} GB with its external data, and at most {limit} GB can be measured; take a "
            "smaller one, or quantise it"
        )


def check_names(models: list[ModelFile]) -> None:
    """Raise UsageError where two models have one name."""
    first: dict[str, ModelFile] = {}
    for model in models:
        other = first.setdefault(model.name, model)
        if other is not model:
            raise UsageError(
                f"two models are named '{model.name}': {other.path} and {model.path}; "
                f"name one of them otherwise: --{model.runtime} NAME={model.path}"
            )
