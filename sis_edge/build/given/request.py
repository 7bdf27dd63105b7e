"""What a user asks for when he brings networks of his own, and what follows from it before anything is run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sis_edge.build.given import model_file, shapes, tensors
from sis_edge.build.given.model_file import ModelFile
from sis_edge.bundles.manifest import TensorSpec
from sis_edge.errors import UsageError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-3
"""Largest difference of an output from the expected one, and as a share of it: processors round and order otherwise."""

SEED = 0


@dataclass(frozen=True)
class GivenRequest:
    """Models as `path` or `NAME=path`, the first being the reference unless `reference` names another.

    `shapes` are as `--shape` has them. `inputs`, `expect` and `labels` are files, each for all models, or for one as
    `NAME=file`; without inputs they are random, from `seed`. The tolerances are those of the comparison with what is
    expected.
    """

    onnx: tuple[str, ...] = ()
    tflite: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    tolerance: float = TOLERANCE
    relative_tolerance: float = TOLERANCE
    reference: str | None = None
    profile: str = "local"
    seed: int = SEED


@dataclass(frozen=True)
class Prepared:
    """A model with all that is known before it is run: its inputs, and which files the user gave with it."""

    model: ModelFile
    specs: tuple[TensorSpec, ...]
    inputs: "Mapping[str, NDArray[Any]]"
    is_random: bool
    expect: Path | None
    labels: Path | None

    @property
    def rows(self) -> int | None:
        """The length of the first axis of its first input; None for one without axes."""
        return self.specs[0].shape[0] if self.specs and self.specs[0].shape else None


def prepare(request: GivenRequest) -> tuple[list[Prepared], list[str]]:
    """The models with their inputs, and what was chosen for the user; raises UsageError in a sentence."""
    for option, value in (("--tolerance", request.tolerance), ("--relative-tolerance", request.relative_tolerance)):
        if not 0 <= value < inf:
            raise UsageError(f"{option} is {value}, and must be a number from 0 on, such as 0.001")
    models = [
        *(model_file.read(text, "onnx") for text in request.onnx),
        *(model_file.read(text, "tflite") for text in request.tflite),
    ]
    if not models:
        raise UsageError("no model; --onnx FILE names one")
    model_file.check_names(models)
    names = [model.name for model in models]
    if request.reference is not None and request.reference not in names:
        raise unknown("network in --reference", request.reference, names)
    asked = [shapes.parse(text, names) for text in request.shapes]
    shapes.check(asked, models)
    files = {
        option: _files(option, given, names)
        for option, given in (
            ("--inputs", request.inputs),
            ("--expect", request.expect),
            ("--labels", request.labels),
        )
    }
    found, notes = [], []
    for model in models:
        own = {option: by_name.get(model.name) for option, by_name in files.items()}
        prepared, said = _prepare(model, asked, own, request.seed)
        found.append(prepared)
        notes += said
    return found, [*notes, *_uneven(found)]


def _uneven(networks: "Sequence[Prepared]") -> list[str]:
    """A sentence where calls of the networks have different numbers of rows, so that latencies are not alike."""
    rows = {each.model.name: each.rows for each in networks}
    if len(set(rows.values())) < 2:
        return []
    each = ", ".join(f"{name} {count or 'no axis'}" for name, count in rows.items())
    return [f"first axis of each call: {each}. Speed-ups compare calls, not rows; give all networks the same"]


def _prepare(
    model: ModelFile, asked: Sequence[shapes.AskedShape], files: Mapping[str, Path | None], seed: int
) -> tuple[Prepared, list[str]]:
    expect, labels, path = files["--expect"], files["--labels"], files["--inputs"]
    names = [one.name for one in model.inputs]
    if path is None:
        for option, file in (("--expect", expect), ("--labels", labels)):
            if file is not None:
                raise UsageError(f"{option} belongs to inputs of your own; give {model.name} some with --inputs")
        specs, notes = shapes.fix(model, asked, {})
        return Prepared(model, specs, tensors.random_inputs(specs, seed), True, None, None), notes
    arrays = tensors.load(path, "--inputs", names)
    tensors.check_inputs(arrays, names, model.name, "--inputs")
    specs, notes = shapes.fix(model, asked, {name: tuple(arrays[name].shape) for name in names})
    inputs = {spec.name: tensors.fitting(arrays[spec.name], spec, model.name, "--inputs") for spec in specs}
    return Prepared(model, specs, inputs, False, expect, labels), notes


def _files(option: str, given: Sequence[str], names: Sequence[str]) -> dict[str, Path]:
    """The file for each model: its own, else the one for all."""
    found: dict[str, Path] = {}
    own: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if equals and name in names:
            chosen, whom = own, [name]
        else:
            if equals and not Path(text).exists() and Path(path).exists():
                raise unknown(f"network in {option}", name, list(names))
            chosen, whom, path = found, list(names), text
        for each in whom:
            if each in chosen:
                raise UsageError(f"{option} gives {each} two files, {chosen[each]} and {path}; leave one out")
            chosen[each] = Path(path)
    return found | own
