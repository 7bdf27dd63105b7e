"""The options by which a command takes a user's own images instead of a data set of the registry."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli.command import gathered
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.datasets import OwnData

PANEL = "Own images"

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Your own images, JPEG or PNG, instead of a data set: a folder with CLASS/IMAGE.png, or with "
        "train/CLASS/IMAGE.png and test/CLASS/IMAGE.png; or an .npz file with x_train, y_train, x_test, y_test, or "
        "with images, labels.",
        rich_help_panel=PANEL,
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Crop images to the centre and resize them: 96, or height x width such as 96x64.",
        rich_help_panel=PANEL,
    ),
]
TestShare = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Share of each class for test, unless the images are divided already. [default: 0.2]",
        rich_help_panel=PANEL,
    ),
]
SplitSeed = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Random seed for the split and order of the images. [default: 0]",
        rich_help_panel=PANEL,
    ),
]
SkipDamaged = Annotated[
    bool,
    typer.Option("--skip-damaged", help="Leave out damaged images; the bundle names them.", rich_help_panel=PANEL),
]
Flip = Annotated[
    bool, typer.Option("--flip", help="Mirrored images keep their class: train on both.", rich_help_panel=PANEL)
]


def chosen(
    data: Data = None,
    resize: Resize = None,
    test_share: TestShare = None,
    split_seed: SplitSeed = None,
    skip_damaged: SkipDamaged = False,
    flip: Flip = False,
) -> "OwnData | None":
    """The user's own images that these options name; raises UsageError for options without --data."""
    from sis_edge.datasets import own

    if data is None:
        given = {"--resize": resize, "--test-share": test_share, "--split-seed": split_seed}
        given |= {"--skip-damaged": skip_damaged or None, "--flip": flip or None}
        if alone := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"{alone[0]} is for your own images; name their folder or file with --data")
        return None
    return own.OwnData(
        path=data,
        resize=None if resize is None else own.parse_resize(resize),
        seed=split_seed or 0,
        test_share=test_share,
        skip_damaged=skip_damaged,
        flip=flip,
    )


own_images = gathered(
    "own", chosen, belongs=dict.fromkeys(("resize", "test_share", "split_seed", "skip_damaged", "flip"), ("data",))
)
"""Gives a command these options; what they name goes to its parameter `own`, None without --data."""


EXCLUDES = {"data": ("dataset", "data_dir")}
"""What names another data set, for `command`."""
