"""Images of the user's classified on a board by a network of a bundle: what the bundle is for, after measuring."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sis_agent.schema import Job, Resize, to_json
from sis_edge.board.deploy import new_job_id, ready
from sis_edge.board.events import OnEvent, ignore
from sis_edge.board.jobs import MeasuringOptions, job_for
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession
from sis_edge.bundles import trust
from sis_edge.bundles.identity import NATIVE
from sis_edge.bundles.verify import Bundle
from sis_edge.errors import AgentError, UsageError, unknown
from sis_edge.profiles import DeviceProfile
from sis_edge.transport import Transport

TOP = 5
INFER_LIMIT_S = 1800.0


@dataclass(frozen=True)
class Guess:
    """One class for an image, and its probability by the softmax of the logits."""

    label: str
    probability: float


@dataclass(frozen=True)
class Classified:
    """An image's file, and its most probable classes, the best first."""

    path: Path
    guesses: tuple[Guess, ...]


@dataclass(frozen=True)
class Classification:
    """What classified the images: a network in a form, by a runtime."""

    network: str
    runner: str
    images: tuple[Classified, ...]


def classify(
    paths: Sequence[Path],
    bundle: Bundle,
    transport: Transport,
    profile: DeviceProfile,
    *,
    network: str | None = None,
    trusted: bool = False,
    on_event: OnEvent = ignore,
) -> Classification:
    """Classify images on a board; `network` None is the bundle's with the fewest synapses, native kernels preferred.

    Every image is read before the board is asked for anything. `trusted`: see `trust.check`. Raises UsageError for an
    image that cannot be read or an unknown network, BoardError where the board is measuring, and what `deploy` raises.
    """
    name = _network(bundle, network)
    trust.check(bundle, trusted)  # before its golden inputs are read, for their shape
    images = read_images(paths, bundle)
    session, runner, facts = ready(
        bundle, transport, profile, MeasuringOptions(trust=trusted), None, on_event, Patience()
    )
    job = job_for(bundle, profile, networks=[name], runner=runner, facts=facts)
    first = job.networks[0]
    chosen = next((form for form in job.networks if (form.form, form.precision) == (NATIVE, first.precision)), first)
    request = job._replace(networks=[chosen], reference=None)
    classes = bundle.manifest.classes
    logits = _array(_ask(session, request, images), len(paths), len(classes) if classes else None, transport.name)
    labels = list(classes) if classes else [f"class {at}" for at in range(logits.shape[1])]
    found = tuple(Classified(path, top(row, labels)) for path, row in zip(paths, logits, strict=True))
    return Classification(chosen.name, runner, found)


def top(logits: NDArray[np.float64], labels: Sequence[str], count: int = TOP) -> tuple[Guess, ...]:
    """The most probable classes of one image's logits [classes].

    >>> [guess.label for guess in top(np.array([0.0, 2.0, 1.0]), ["cat", "dog", "fox"], 2)]
    ['dog', 'fox']
    """
    weights = np.exp(logits - logits.max())
    order = np.argsort(-weights, kind="stable")[:count]
    return tuple(Guess(labels[at], float(weights[at] / weights.sum())) for at in order)


def read_images(paths: Sequence[Path], bundle: Bundle) -> NDArray[np.uint8]:
    """Images as the bundle's networks take them: uint8 [N, 3, height, width], cropped to the centre and resized.

    Raises UsageError that names the first file that cannot be read as an image.
    """
    from sis_edge.datasets.own.decode import DamagedImageError, decode

    manifest = bundle.manifest
    assert manifest.golden_inputs is not None, "the bundle has formed networks"
    height, width = np.load(bundle.path / manifest.golden_inputs, mmap_mode="r").shape[2:]
    resize = manifest.preprocess and manifest.preprocess.resize
    found = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no image {path}; nothing was run")
        try:
            found.append(decode(path, resize or Resize(height, width)))
        except DamagedImageError as error:
            raise UsageError(f"{path} {error}; nothing was run") from error
    return np.ascontiguousarray(np.stack(found))


def _network(bundle: Bundle, name: str | None) -> str:
    networks = bundle.manifest.networks
    if not networks:
        raise UsageError(
            f"the bundle {bundle.manifest.name} holds networks of your own, whose inputs may be no images; "
            "`sis-edge run` classifies by networks that sis-edge built"
        )
    if name is None:
        return min(networks, key=lambda entry: entry.synapses).name
    if name not in (known := [entry.name for entry in networks]):
        raise unknown("network in this bundle", name, known)
    return name


def _array(logits: Sequence[Sequence[float]], images: int, classes: int | None, name: str) -> NDArray[np.float64]:
    """The logits as [images, classes]; raises AgentError for fewer, more or uneven ones."""
    lengths = {len(row) for row in logits}
    if len(logits) != images or len(lengths) != 1 or 0 in lengths or classes not in (None, *lengths):
        raise AgentError(
            f"the agent on {name} was asked for the outputs of {images} images and answers {len(logits)} rows of "
            f"{', '.join(map(str, sorted(lengths)[:3])) or 'no'} values; is the bundle's model the one that it ran?"
        )
    return np.array(logits, dtype=np.float64)


def _ask(session: BoardSession, job: Job, images: NDArray[np.uint8]) -> list[list[float]]:
    """Bring the request and the images; returns a list of logits for each image."""
    name = new_job_id()
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as folder:
        local = Path(folder)
        (local / "job.json").write_text(json.dumps(to_json(job)), encoding="utf-8")
        np.save(local / "images.npy", images)
        for part in ("images.npy", "job.json"):
            session.transport.put(local / part, f"{session.agent.root}/inference/{name}/{part}")
    return session.agent.infer(name, INFER_LIMIT_S)
