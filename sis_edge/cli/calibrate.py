"""`sis-edge calibrate`: measure how fast a board is with sparse kernels, for `build` and `predict`."""

from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, options, reach
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.cli.documents.boards import CalibrateDocument

app = typer.Typer()


@command(app)
@reach.board
def calibrate(
    connect: reach.Way,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Board profile: a name or a TOML file. [default: boards.toml's, else the one that "
            "fits; for this machine local]",
            autocompletion=complete.one(complete.profiles),
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Measure again, even if the board was measured before.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Time a board's processor with sparse kernels and with ONNX Runtime: some fifteen seconds; the result is kept."""
    from sis_edge import profiles
    from sis_edge.board.calibrate import calibrate as measured
    from sis_edge.board.fitting import fitting
    from sis_edge.cli import console
    from sis_edge.cli.documents.boards import calibrated
    from sis_edge.cli.progress import bars
    from sis_edge.transport import LocalTransport

    profile = connect.profile(profile)
    transport = connect()
    try:
        with bars("calibrate") as shown:
            board = (
                connect.adapted(profiles.load(profile or "local"))
                if profile or isinstance(transport, LocalTransport)
                else fitting(transport).profile
            )
            found = calibrated(measured(transport, board, again=again, say=shown.note), board)
    finally:
        transport.close()
    if as_json:
        console.document(found)
    else:
        show(found)
    for warning in found.warnings:
        console.warn(f"{warning}.")


def show(found: "CalibrateDocument") -> None:
    """A calibration as a table of at most 80 columns."""
    from sis_edge.cli.console import out
    from sis_edge.native.costs import on_threads
    from sis_edge.report.grid import pairs

    lines = (
        ("board", found.board),
        ("profile", found.profile),
        ("processor", found.cpu or "unknown"),
        ("instruction set", f"{found.instruction_set}, in INT8 {found.int8_instruction_set or 'unknown'}"),
        ("peak of one core", f"{found.peak_flops / 1e9:,.1f} GFLOP/s, in registers"),
        ("ONNX Runtime", found.onnxruntime),
        ("dense NiN in it", f"{found.dense_nin_s * 1e3:,.2f} ms per image on {on_threads(found.threads)}"),
        ("sparse kernels", found.library),
        (
            "measured",
            f"{found.native_networks} networks with the kernels, {found.int8_networks} in INT8, {found.dense_networks} "
            "with ONNX Runtime",
        ),
        ("cost-model error", ", ".join(f"{error:.1%} for {way}" for way, error in found.fit_error.items())),
    )
    out.print(pairs(lines))
    out.print()
    out.print(f"`sis-edge build` and `sis-edge predict` use it for the profile {found.profile}.", soft_wrap=True)
