"""Networks of the user's own: tensors by name, expected outputs, accuracy. Used by the worker only."""

from typing import Any, Dict, List, Tuple

import numpy as np

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Session, Tensors
from sis_agent.runners.inputs import piece
from sis_agent.schema import Accuracy, GoldenCheck

TOP = 5


def load(path: str) -> Tensors:
    """The arrays of an .npz by name, in the file's order; raises the problem `bad-bundle`."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: np.ascontiguousarray(archive[name]).reshape(archive[name].shape) for name in archive.files}
    except Exception as error:  # zipfile and numpy raise many classes for a damaged file
        raise ProblemError("bad-bundle", "{} cannot be read as .npz ({}); push the bundle again".format(path, error))


def rows(tensors: Tensors) -> int:
    """How many rows the first tensor has; 1 where it is a single value."""
    first = next(iter(tensors.values()), None)
    return int(first.shape[0]) if first is not None and first.ndim else 1


def infer(session: Session, tensors: Tensors) -> Dict[str, Any]:
    """Every output by name for all rows; in pieces where the network takes so many rows and no more."""
    if session.rows is None:
        outputs: Dict[str, Any] = session.infer(tensors)
        return outputs
    pieces = [session.infer(piece(tensors, start, session.rows)) for start in range(0, rows(tensors), session.rows)]
    joined = {}
    for name, value in pieces[0].items():
        fits = isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[0] == session.rows
        joined[name] = np.concatenate([one[name] for one in pieces]) if fits else None
    return joined


def cannot_run(name: str, tensors: Tensors, error: Exception) -> str:
    """The sentence for a runtime that fails at the first inference."""
    inputs = ", ".join("{} {} {}".format(key, list(value.shape), value.dtype) for key, value in tensors.items())
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return "{} cannot be run with the inputs {}: {}".format(name, inputs, first_line)


def golden_check(
    outputs: Dict[str, Any], expected: Tensors, images: int, tolerance: float, relative_tolerance: float
) -> GoldenCheck:
    """Every expected output against the network's; passed where all |a - b| <= tolerance + relative * |expected|.

    The differences are over all values of all expected outputs; a text or truth value that is another counts 1. Raises
    ProblemError `bad-outputs` for a missing output, another shape, NaN or infinity where none is expected.
    """
    if not expected:
        raise ProblemError("bad-outputs", "the expected outputs hold no output; push the bundle again")
    total, count, largest, passed = 0.0, 0, 0.0, True
    for name, reference in expected.items():
        difference, is_within = _compare(name, _tensor(outputs, name), reference, tolerance, relative_tolerance)
        if difference.size:
            total += float(difference.sum())
            count += difference.size
            largest = max(largest, float(difference.max()))
            passed = passed and is_within
    return GoldenCheck(
        images=images,
        max_abs_difference=largest,
        mean_abs_difference=total / count if count else 0.0,
        top1_agreement=_agreement(outputs, expected),
        passed=passed,
    )


def accuracy(outputs: Dict[str, Any], labels: Any) -> Accuracy:
    """Top-1 and top-5 by the first output, which must be scores [N, classes]; `labels` are N classes.

    Raises ProblemError `bad-outputs` or `bad-labels`.
    """
    name, scores = next(iter(outputs.items()))
    if not _is_scores(scores):
        raise ProblemError(
            "bad-outputs",
            "the output '{}' is {}, and accuracy needs class scores [N, classes] as the first output; leave the labels "
            "out".format(name, _described(scores)),
        )
    if labels.shape != (len(scores),) or labels.dtype.kind not in "iu":
        raise ProblemError(
            "bad-labels",
            "the labels are {}, and the output '{}' has {} rows; give one whole number for each".format(
                _described(labels), name, len(scores)
            ),
        )
    classes = scores.shape[1]
    if len(labels) and (int(labels.min()) < 0 or int(labels.max()) >= classes):
        raise ProblemError(
            "bad-labels",
            "the labels are from {} to {}, and the output '{}' has {} classes".format(
                labels.min(), labels.max(), name, classes
            ),
        )
    if not np.isfinite(scores).all():
        raise ProblemError("bad-outputs", "the output '{}' has NaN or infinity on this board".format(name))
    wrong = [int(row) for row in np.flatnonzero(scores.argmax(axis=1) != labels)]
    best = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")[:, :TOP]
    among = int((best == labels[:, None]).any(axis=1).sum())
    return Accuracy(len(labels), len(labels) - len(wrong), wrong, correct_top5=among if classes > TOP else None)


def _compare(name: str, output: Any, reference: Any, tolerance: float, relative: float) -> Tuple[Any, bool]:
    """The differences of all values as float64, and whether all are within the tolerances."""
    if output.shape != reference.shape:
        raise ProblemError(
            "bad-outputs",
            "the output '{}' has the shape {}, the expected one {}".format(
                name, list(output.shape), list(reference.shape)
            ),
        )
    if output.dtype.kind not in "biufc" or reference.dtype.kind not in "biufc":
        unequal = output.astype(str) != reference.astype(str)
        return unequal.astype(np.float64), not unequal.any()
    kind = np.complex128 if "c" in (output.dtype.kind, reference.dtype.kind) else np.float64
    given, wanted = output.astype(kind), reference.astype(kind)
    same = (given == wanted) | (np.isnan(given) & np.isnan(wanted))
    finite = np.isfinite(given) & np.isfinite(wanted)
    bad = int((~finite & ~same).sum())
    if bad:
        raise ProblemError(
            "bad-outputs",
            "the output '{}' has NaN or infinity for {} of {} values on this board where the expected one has another "
            "value, or the reverse; another version of the runtime may compute it right".format(name, bad, same.size),
        )
    difference = np.zeros(given.shape)
    difference[finite] = np.abs(given[finite] - wanted[finite])
    limit = np.zeros(given.shape)
    limit[finite] = tolerance + relative * np.abs(wanted[finite])
    return difference, bool((difference <= limit).all())


def _tensor(outputs: Dict[str, Any], name: str) -> Any:
    output = outputs.get(name)
    if not isinstance(output, np.ndarray):
        names: List[str] = [key for key, value in outputs.items() if isinstance(value, np.ndarray)]
        raise ProblemError(
            "bad-outputs",
            "the network has no tensor output '{}', which is expected; it has {}".format(
                name, ", ".join(names) or "none"
            ),
        )
    return output


def _is_scores(output: Any) -> bool:
    return isinstance(output, np.ndarray) and output.ndim == 2 and output.shape[1] > 1 and output.dtype.kind == "f"


def _agreement(outputs: Dict[str, Any], expected: Tensors) -> Any:
    """The share of rows with the same class on top, by the first output; None where it is no class scores."""
    name, scores = next(iter(outputs.items()))
    if name not in expected or not _is_scores(scores) or not len(scores):
        return None
    return float((scores.argmax(axis=1) == expected[name].argmax(axis=1)).mean())


def _described(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return "not a tensor"
    return "{} {}".format(value.dtype, list(value.shape))
