"""The shapes that a model is run with: its own axes, those of `--shape`, those of the user's inputs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sis_edge.build.given.model_file import Axis, ModelFile, ModelInput
from sis_edge.bundles.manifest import TensorSpec
from sis_edge.errors import UsageError, unknown

Shape = tuple[int, ...]


@dataclass(frozen=True)
class AskedShape:
    """One `--shape`: for an input of every model that has it, or of `network` alone."""

    network: str | None
    input: str
    shape: Shape


def parse(text: str, networks: Sequence[str]) -> AskedShape:
    """The words of one `--shape`; raises UsageError.

    >>> parse("b:ids=1x128", ["a", "b"])
    AskedShape(network='b', input='ids', shape=(1, 128))
    """
    name, equals, numbers = text.rpartition("=")
    if not equals or not name or not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8})*", numbers):
        raise UsageError(f"--shape is '{text}', and must be an input and its axes: --shape input=1x3x224x224")
    shape = tuple(map(int, numbers.split("x")))
    network, colon, rest = name.partition(":")
    if colon and network in networks:
        return AskedShape(network, rest, shape)
    return AskedShape(None, name, shape)


def check(asked: Sequence[AskedShape], models: Sequence[ModelFile]) -> None:
    """Raise UsageError for a shape of an input that no model has."""
    for each in asked:
        known = [one.name for model in models if each.network in (None, model.name) for one in model.inputs]
        if each.input not in known:
            raise unknown("input in --shape", each.input, list(dict.fromkeys(known)))


def fix(
    model: ModelFile, asked: Sequence[AskedShape], given: Mapping[str, Shape]
) -> tuple[tuple[TensorSpec, ...], list[str]]:
    """Every input with all axes fixed, and what was chosen for the user, a sentence each.

    `given` are the shapes of the user's own inputs. Raises UsageError for an axis that nobody fixes, and for a shape
    that does not fit.
    """
    wanted = {
        one.input: one.shape
        for one in sorted(asked, key=lambda one: one.network is not None)
        if one.network in (None, model.name)
    }
    symbols: dict[str, int] = {}
    for one in model.inputs:
        for shape, source in ((wanted.get(one.name), "--shape"), (given.get(one.name), "--inputs")):
            if shape is not None:
                _check(model, one, shape, source, symbols)
    specs, notes = [], []
    for one in model.inputs:
        known = wanted.get(one.name) or given.get(one.name) or ()
        fixed: list[int] = []
        for at, axis in enumerate(one.shape):
            length = axis if isinstance(axis, int) else known[at] if known else symbols.get(axis)
            if not isinstance(axis, int) and at == 0 and not wanted.get(one.name) and one.name in given:
                notes.append(f"{model.name}: each call has the {_rows(known[at])} of --inputs; a latency is a call's")
            if length is None and at == 0:
                length = symbols.setdefault(str(axis), 1) if axis != "?" else 1
                notes.append(f"{model.name}: the batch of its input {one.name} is not fixed; it is run with 1")
            if length is None:
                raise UsageError(_open(model, one, at))
            fixed.append(length)
        specs.append(TensorSpec(name=one.name, dtype=one.dtype, shape=tuple(fixed)))
    return tuple(specs), list(dict.fromkeys(notes))


def _check(model: ModelFile, one: ModelInput, shape: Shape, source: str, symbols: dict[str, int]) -> None:
    """Raise UsageError for a shape that an input cannot have; `symbols` are the named axes known so far."""
    has = words(one.shape)
    if 0 in shape:
        raise UsageError(f"{source} gives {model.name} the input {one.name} as {words(shape)}, which holds nothing")
    if len(shape) != len(one.shape):
        raise UsageError(
            f"{source} gives {model.name} the input {one.name} as {words(shape)}, which has {len(shape)} axes; "
            f"the model's has {len(one.shape)}: {has}"
        )
    for at, (axis, length) in enumerate(zip(one.shape, shape, strict=True)):
        expected = axis if isinstance(axis, int) else length if axis == "?" else symbols.setdefault(axis, length)
        if expected != length:
            is_fixed = at == 0 and source == "--inputs" and isinstance(axis, int)
            hint = f"; give {_rows(axis)} of inputs, or export it with an open batch" if is_fixed else ""
            raise UsageError(
                f"{source} gives {model.name} the input {one.name} as {words(shape)}, and its axis {at} must be "
                f"{expected} (the model has {has}){hint}"
            )


def _rows(count: Axis) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _open(model: ModelFile, one: ModelInput, at: int) -> str:
    axis = one.shape[at]
    example = words(tuple(length if isinstance(length, int) else 1 for length in one.shape))
    called = "" if axis == "?" else f" ({axis})"
    return (
        f"{model.name}: axis {at}{called} of its input {one.name} is not fixed; say how long it is, "
        f"with --shape {one.name}={example} for example"
    )


def words(shape: Sequence[int | str]) -> str:
    """A shape as `--shape` takes it.

    >>> words((1, "batch", 3))
    '1xbatchx3'
    """
    return "x".join(map(str, shape)) or "a scalar"
