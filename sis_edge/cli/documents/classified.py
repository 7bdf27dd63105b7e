"""What `run` says of the images that it classified."""

from typing import TYPE_CHECKING, Literal

from sis_edge.cli.documents.base import Document, Part

if TYPE_CHECKING:
    from sis_edge.board.classify import Classification


class LabelResult(Part):
    """One class and its probability."""

    label: str
    probability: float


class ImageResult(Part):
    """One image and its most probable classes, the best first."""

    path: str
    classes: tuple[LabelResult, ...]


class RunDocument(Document):
    """`sis-edge run`: what each image shows, by which network, on which board."""

    document: Literal["run"] = "run"
    board: str
    network: str
    runner: str
    images: tuple[ImageResult, ...]


def classified(found: "Classification", board: str) -> RunDocument:
    """The document of a classification."""
    images = tuple(
        ImageResult(
            path=str(image.path),
            classes=tuple(LabelResult(label=guess.label, probability=guess.probability) for guess in image.guesses),
        )
        for image in found.images
    )
    return RunDocument(board=board, network=found.network, runner=found.runner, images=images)
