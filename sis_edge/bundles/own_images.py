"""What a bundle says of a user's own images, where its data set is made of these."""

from typing import Literal

from pydantic import Field

from sis_edge.files.model import FrozenModel


class OwnImages(FrozenModel):
    """How a user's own images became the data set of a bundle. `source_name` is that of their folder or file.

    `split_by` is "given" where the user divided them into training and test, or "seed": then `test_share` of each class
    was drawn by `split_seed`, which orders the images in both cases. `skipped` names damaged images that were left out.
    """

    source_name: str
    source: str
    split_by: Literal["given", "seed"]
    split_seed: int
    test_share: float | None = Field(default=None, gt=0, lt=1)
    skipped: tuple[str, ...] = ()
    flip: bool = False
