"""Networks of the user's own on the command line: the options of `bench`, `deploy` and `bundle make`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli.command import gathered
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.build.given.request import GivenRequest
    from sis_edge.bundles.verify import Bundle

OWN = "Networks of your own"
"""The heading of these options in a command's help."""


def _option(help: str, metavar: str, *names: str) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=help, rich_help_panel=OWN)
    return found


Onnx = Annotated[
    list[str] | None, _option("ONNX model, as FILE or NAME=FILE; repeatable, the first is the reference.", "FILE")
]
TfLite = Annotated[list[str] | None, _option("TFLite model, as FILE or NAME=FILE; repeatable.", "FILE")]
Shape = Annotated[
    list[str] | None,
    _option("Shape of an input: input=1x3x224x224, or NETWORK:input=... for one model; repeatable.", "SHAPE"),
]
Inputs = Annotated[
    list[str] | None,
    _option(
        "Inputs by name, .npz (.npy for a single one); NETWORK=FILE for one model. [default: random; reports say so]",
        "FILE",
    ),
]
Expect = Annotated[
    list[str] | None,
    _option("Expected outputs for --inputs, .npz. [default: those of ONNX Runtime on this host]", "FILE"),
]
Labels = Annotated[
    list[str] | None, _option("Classes for the rows of --inputs, .npy: adds top-1 and top-5 accuracy.", "FILE")
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="X", help="Allowed difference from expected outputs. [default: 0.001]", rich_help_panel=OWN
    ),
]
RelativeTolerance = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="X", help="Plus this share of the expected value. [default: 0.001]", rich_help_panel=OWN
    ),
]
Reference = Annotated[str | None, _option("Network that the others are compared with. [default: the first]", "NAME")]


def request(
    onnx: Onnx = None,
    tflite: TfLite = None,
    shape: Shape = None,
    inputs: Inputs = None,
    expect: Expect = None,
    labels: Labels = None,
    tolerance: Tolerance = None,
    relative_tolerance: RelativeTolerance = None,
    reference: Reference = None,
) -> "GivenRequest | None":
    """What is asked for; None without a model. Raises UsageError for options that belong to one, and without one."""
    from sis_edge.build.given.request import TOLERANCE, GivenRequest

    needing = {
        "--shape": shape,
        "--inputs": inputs,
        "--expect": expect,
        "--labels": labels,
        "--tolerance": tolerance,
        "--relative-tolerance": relative_tolerance,
        "--reference": reference,
    }
    if not onnx and not tflite:
        for option, value in needing.items():
            if value not in (None, [], ()):
                raise UsageError(f"{option} belongs to networks of your own; name one with --onnx or --tflite")
        return None
    return GivenRequest(
        onnx=tuple(onnx or ()),
        tflite=tuple(tflite or ()),
        shapes=tuple(shape or ()),
        inputs=tuple(inputs or ()),
        expect=tuple(expect or ()),
        labels=tuple(labels or ()),
        tolerance=TOLERANCE if tolerance is None else tolerance,
        relative_tolerance=TOLERANCE if relative_tolerance is None else relative_tolerance,
        reference=reference,
    )


models = gathered(
    "own",
    request,
    belongs=dict.fromkeys(
        ("shape", "inputs", "expect", "labels", "tolerance", "relative_tolerance", "reference"), ("onnx", "tflite")
    ),
)
"""Gives a command these options; what they name goes to its parameter `own`, None without a model."""


def bundle(
    asked: "GivenRequest | None",
    profile: str | None,
    folder: Path | None,
    build_dir: Path,
    say: Callable[[str], None] | None = None,
) -> "Bundle":
    """The bundle to measure: that of the user's own networks, else of a folder, else the newest build."""
    from sis_edge.build.given.bundle import make_in
    from sis_edge.bundles import verify
    from sis_edge.cli import console

    if asked is None:
        return verify.open_bundle(folder) if folder else verify.newest(build_dir)
    return make_in(replace(asked, profile=profile or "local"), build_dir, say or console.say)
