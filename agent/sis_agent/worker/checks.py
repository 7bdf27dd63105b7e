"""What is checked with a network's outputs: golden logits and accuracy. Used by the worker only (imports numpy)."""

from typing import Any, Callable, Iterator, List

import numpy as np

from sis_agent.protocol import ProblemError
from sis_agent.runners.base import Session
from sis_agent.schema import Accuracy, GoldenCheck, Preprocess

# Images a batch when accuracy is counted, where time does not matter but memory does.
ACCURACY_BATCH = 32


def load_array(path: str) -> Any:
    """An array of the bundle; raises the problem `bad-bundle`."""
    try:
        array = np.load(path, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            array.close()
            raise ValueError("it is an .npz archive, not one array")
        return array
    except (OSError, ValueError, EOFError) as error:
        raise ProblemError("bad-bundle", "{} cannot be read ({}); push the bundle again".format(path, error))


def preprocess(images: Any, how: Preprocess) -> Any:
    """uint8 [N, channels, height, width] to float32, (pixel / 255 - mean) / std; float32 is taken as it is."""
    if images.dtype != np.uint8:
        return np.ascontiguousarray(images, dtype=np.float32)
    mean = np.asarray(how.mean, dtype=np.float32).reshape(1, -1, 1, 1)
    std = np.asarray(how.std, dtype=np.float32).reshape(1, -1, 1, 1)
    return np.ascontiguousarray((images.astype(np.float32) / np.float32(255) - mean) / std)


def timing_batch(images: Any, batch_size: int, how: Preprocess) -> Any:
    """The batch that is timed: the first golden inputs, repeated where there are too few."""
    return preprocess(np.resize(images, (batch_size, *images.shape[1:])), how)


def logits(session: Session, images: Any, how: Preprocess) -> Any:
    """Logits [N, classes] of images, a batch after the other."""
    return np.concatenate([session.infer(preprocess(batch, how)) for batch in _batches(images)])


def golden_check(session: Session, images: Any, reference: Any, tolerance: float, how: Preprocess) -> GoldenCheck:
    """Logits of the golden inputs against the host's, [N, classes]; raises ProblemError `bad-logits`.

    Passed when no logit differs by more than `tolerance` and every image has the same class on top.
    """
    logits = np.concatenate([session.infer(preprocess(batch, how)) for batch in _batches(images)])
    if logits.shape != reference.shape:
        raise ProblemError(
            "bad-logits",
            "the network gives logits of shape {}, the bundle's reference has {}; build the bundle again".format(
                logits.shape, reference.shape
            ),
        )
    if not np.isfinite(logits).all():
        bad = int((~np.isfinite(logits)).any(axis=1).sum())
        raise ProblemError(
            "bad-logits",
            "the network gives NaN or infinity on this board for {} of {} golden images; "
            "another version of the runtime may compute it right".format(bad, len(logits)),
        )
    difference = np.abs(logits.astype(np.float64) - reference.astype(np.float64))
    agreement = float((logits.argmax(axis=1) == reference.argmax(axis=1)).mean())
    largest = float(difference.max())
    return GoldenCheck(
        images=len(logits),
        max_abs_difference=largest,
        mean_abs_difference=float(difference.mean()),
        top1_agreement=agreement,
        passed=largest <= tolerance and agreement == 1.0,
    )


def accuracy(
    session: Session, images: Any, labels: Any, how: Preprocess, on_progress: Callable[[int, int], None]
) -> Accuracy:
    """Top-1 over uint8 images [N, channels, height, width] and labels [N]; calls on_progress(done, of)."""
    if len(images) != len(labels):
        raise ProblemError(
            "bad-bundle",
            "the bundle has {} test images and {} labels; push the bundle again".format(len(images), len(labels)),
        )
    done = 0
    wrong: List[int] = []
    for batch in _batches(images):
        predicted = session.infer(preprocess(batch, how)).argmax(axis=1)
        wrong += [done + int(at) for at in np.flatnonzero(predicted != labels[done : done + len(batch)])]
        done += len(batch)
        on_progress(done, len(images))
    return Accuracy(images=len(images), correct=len(images) - len(wrong), wrong=wrong)


def _batches(images: Any) -> Iterator[Any]:
    for start in range(0, len(images), ACCURACY_BATCH):
        yield images[start : start + ACCURACY_BATCH]
