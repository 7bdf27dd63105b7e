"""`sis-edge predict`: will sparsity pay on a board? Answered before anything is trained."""

from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.cli.documents.networks import PredictDocument, PredictedLayer

app = typer.Typer()


@command(app)
def predict(
    profile: options.Profile,
    preset: options.Preset,
    granularity: options.Granularity = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Random seed for the graph.")] = 0,
    exact: options.Exact = False,
    as_json: options.Json = False,
) -> None:
    """Predict a network's speed on a board from its calibration, layer by layer, before any training."""
    from sis_edge import profiles
    from sis_edge.board import calibrate
    from sis_edge.build.networks import formation_for
    from sis_edge.cli import console
    from sis_edge.cli.documents.networks import predicted
    from sis_edge.cli.progress import bars
    from sis_edge.formation import form
    from sis_edge.native import costs
    from sis_edge.native.predict import predict as answer
    from sis_edge.spec import nin

    board = profiles.load(profile)
    settings = board.networks.model_copy(update={"conv": granularity} if granularity else {})
    graph = form(nin(), formation_for(preset, settings, seed))
    with bars("predict") as shown:
        calibration = calibrate.known(board, say=shown.note)
        found = predicted(answer(costs.fit(calibration), graph, exact), preset, settings, board, calibration, exact)
    if as_json:
        console.document(found)
    else:
        show(found, board.title)
    for warning in found.warnings:
        console.warn(f"{warning}.")


def show(found: "PredictDocument", board: str) -> None:
    """A prediction as a table of at most 80 columns, and whether sparsity pays."""
    from sis_edge.cli.console import out
    from sis_edge.native.costs import on_threads
    from sis_edge.report.grid import grid
    from sis_edge.text.limits import with_limit

    lines = [
        (layer.layer, f"{layer.density:.0%}", _us(layer.dense_s), _us(layer.native_s), _chosen(layer), layer.why)
        for layer in found.layers
    ]
    headings = ("layer", "density", "dense µs", "native µs", "chosen", "why")
    title = f"{found.preset}, {found.conv} / {found.micro}, on {board}"
    out.print(grid(headings, lines, title=title, words=("layer", "chosen", "why")))
    out.print()
    out.print(
        f"One image on {on_threads(found.threads)}: dense NiN {_ms(found.dense_s)}; compacted, all in ONNX Runtime "
        f"{_ms(found.compact_s)} ({found.compact_speed_up:.2f}x); as chosen {_ms(found.chosen_s)} "
        f"({found.speed_up:.2f}x; MAC ratio {found.mac_ratio:.2f}x)",
        soft_wrap=True,
    )
    if found.int8_s is not None and found.int8_speed_up is not None:
        out.print(f"In INT8, all by native kernels: {_ms(found.int8_s)} ({found.int8_speed_up:.2f}x)", soft_wrap=True)
    else:
        out.print(f"In INT8 not known: {found.reasons['int8_s']}", soft_wrap=True)
    verdict = "pays" if found.pays else "does not pay"
    speed_up = with_limit(found.speed_up, 1, ".2f")[0]
    out.print(f"Sparsity {verdict} on this board: expected speed-up over dense NiN {speed_up}x", soft_wrap=True)
    out.print(f"{found.calibration}; single layers without copies between layouts", soft_wrap=True)


def _chosen(layer: "PredictedLayer") -> str:
    return "native (Winograd)" if layer.algorithm == "winograd" else layer.chosen


def _us(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e6:,.1f}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
