"""A trained network whose outputs others learn from (distillation: Hinton et al. 2015).

It sees every training image once, in its own size, as it is and mirrored; what it says of these is kept in a file. So a
step costs no pass through the teacher, which may be several times one of the network that learns. A crop by some pixels
is taught what the whole image is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sis_edge.errors import UsageError
from sis_edge.files import stages
from sis_edge.files.only_one import one_at_a_time

if TYPE_CHECKING:
    from torch import Tensor

    from sis_edge.datasets import Dataset, ImageSet
    from sis_edge.models import SisNet

LOGITS = "logits.npy"
_TEACH_VERSION = 1
_AT_A_TIME = 2000  # images


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained network; `train_images` is how many of the data set's training images it was trained on: the first."""

    name: str
    module: "SisNet"
    weights_sha256: str
    train_images: int

    def logits(self, root: Path, dataset: "Dataset", images: "ImageSet", *, flip: bool) -> "Tensor":
        """What it says of images, computed once below `root`: float32 [2, N, classes], mirrored ones second.

        Without `flip` there is no second part: [1, N, classes]. Raises UsageError for another number of classes.
        """
        import torch

        stages_inputs = {
            "version": _TEACH_VERSION,
            "weights": self.weights_sha256,
            "dataset": dataset.sha256,
            "images": len(images),
            "flip": flip,
        }

        def make(folder: Path) -> Mapping[str, Any]:
            found = np.stack([_logits(self.module, dataset, images, view) for view in _VIEWS[: 1 + flip]])
            if found.shape[2] != len(dataset.classes):
                raise UsageError(
                    f"the teacher {self.name} has {found.shape[2]} outputs, {dataset.name} has {len(dataset.classes)} "
                    "classes; give one that was trained on this data set"
                )
            np.save(folder / LOGITS, found, allow_pickle=False)
            return {"accuracy": float((found[0].argmax(axis=1) == images.labels).mean())}

        with one_at_a_time(root / f"teach-{stages.key(stages_inputs)[:20]}.lock"):
            outcome = stages.run(root, "teach", stages_inputs, make)
        return torch.from_numpy(np.load(outcome.folder / LOGITS, allow_pickle=False))


_VIEWS: tuple[Callable[[Any], Any], ...] = (
    lambda images: images,
    lambda images: np.ascontiguousarray(images[..., ::-1]),
)
"""Of images [N, 3, h, w]: as they are, and mirrored."""


def _logits(module: "SisNet", dataset: "Dataset", images: "ImageSet", view: Callable[[Any], Any]) -> Any:
    """float32 [N, classes], some images at a time: they may be mapped from a file."""
    from sis_edge.datasets import ImageSet
    from sis_edge.training.evaluate import logits

    parts = []
    for start in range(0, len(images), _AT_A_TIME):
        part = ImageSet(view(images.images[start : start + _AT_A_TIME]), images.labels[start : start + _AT_A_TIME])
        parts.append(logits(module, dataset, part).numpy())
    return np.concatenate(parts)
