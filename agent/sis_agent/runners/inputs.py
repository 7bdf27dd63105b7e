"""Whether tensors are what a network takes, by name, type and shape; the same sentences for every runtime."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Union

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Tensors


class NetworkInput(NamedTuple):
    """An input as the runtime reports it; `dtype` is numpy's name, None where the runtime's type has no such name.

    A size that is no whole number from 1 on (None, -1, a name) is open. `shape` None: the runtime reports none.
    """

    name: str
    dtype: Optional[str]
    shape: Optional[Sequence[Union[int, str, None]]]


def check(model_path: str, wanted: List[NetworkInput], tensors: Tensors) -> Optional[int]:
    """How many rows an inference takes where the tensors hold a multiple of that; None: they are run as they are.

    Raises ProblemError `bad-inputs` that names the input, what it is and what the network takes.
    """
    names = [one.name for one in wanted]
    for name in names:
        if name not in tensors:
            raise ProblemError(
                "bad-inputs",
                "{} has the inputs {}, and '{}' is not given (given: {})".format(
                    model_path, ", ".join(names), name, ", ".join(tensors) or "none"
                ),
            )
    for name in tensors:
        if name not in names:
            raise ProblemError(
                "bad-inputs",
                "{} has no input '{}'; its inputs: {}".format(model_path, name, ", ".join(names) or "none"),
            )
    rows = _rows(wanted, tensors)
    for one in wanted:
        given = tensors[one.name]
        type_fits = (
            one.dtype is None or given.dtype.name == one.dtype or (one.dtype == "str" and given.dtype.kind in "US")
        )
        shape = [rows, *given.shape[1:]] if rows is not None else list(given.shape)
        if not type_fits or not _fits(one.shape, shape):
            raise ProblemError(
                "bad-inputs",
                "the input '{}' of {} is {} {}, and {} {} was given".format(
                    one.name, model_path, one.dtype or "tensor", _text(one.shape), given.dtype, list(given.shape)
                ),
            )
    return rows


def piece(tensors: Tensors, start: int, rows: Optional[int]) -> Tensors:
    """The rows from `start` on that one inference takes; None: all."""
    return tensors if rows is None else {name: value[start : start + rows] for name, value in tensors.items()}


def shapes(tensors: Tensors, rows: Optional[int] = None) -> Dict[str, List[int]]:
    """The shapes that are run, by name."""
    return {name: list(value.shape) for name, value in piece(tensors, 0, rows).items()}


def _rows(wanted: List[NetworkInput], tensors: Tensors) -> Optional[int]:
    """The fixed first size of all inputs, where all tensors have the same multiple of it; None otherwise."""
    fixed = {one.shape[0] if one.shape else None for one in wanted}
    given = {value.shape[0] if value.ndim else None for value in tensors.values()}
    if len(fixed) != 1 or len(given) != 1:
        return None
    rows, count = fixed.pop(), given.pop()
    if not isinstance(rows, int) or rows < 1 or count is None or count <= rows or count % rows:
        return None
    return rows


def _fits(wanted: Optional[Sequence[Union[int, str, None]]], given: List[int]) -> bool:
    if wanted is None:
        return True
    return len(wanted) == len(given) and all(
        not isinstance(size, int) or size < 0 or size == given[place] for place, size in enumerate(wanted)
    )


def _text(shape: Optional[Sequence[Union[int, str, None]]]) -> str:
    if shape is None:
        return "of any shape"
    return "[{}]".format(", ".join("?" if size is None or size == -1 else str(size) for size in shape))
