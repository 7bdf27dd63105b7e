"""`sis-edge predict`: will sparsity pay on a board? Answered before anything is trained."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sis_edge.native.predict import Prediction

app = typer.Typer()


@app.command()
def predict(
    profile: Annotated[str, typer.Option(help="The board: a profile's name, or a TOML file.")],
    preset: Annotated[str, typer.Option(help="One of the paper's networks: cifar10-sis1, for example.")],
    granularity: Annotated[
        str | None, typer.Option(help="Of convolutional layers: kernel, block, ... [default: the profile's]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the graph.")] = 0,
) -> None:
    """Predict a network's speed on a board from the board's calibration, layer by layer, before any training."""
    from sis_edge import profiles
    from sis_edge.board import calibrate
    from sis_edge.build.networks import formation_for
    from sis_edge.cli.console import log, out
    from sis_edge.formation import form
    from sis_edge.native import costs
    from sis_edge.native.predict import predict as answer
    from sis_edge.spec import nin

    board = profiles.load(profile)
    settings = board.networks.model_copy(update={"conv": granularity} if granularity else {})
    graph = form(nin(), formation_for(preset, settings, seed))
    calibration = calibrate.known(board, say=lambda message: log.print(message, soft_wrap=True))
    found = answer(costs.fit(calibration), graph)
    show(
        found, f"{preset}, {settings.conv} / {settings.micro}, on {board.title}", costs.on_threads(calibration.threads)
    )
    out.print(f"{calibration.basis}; single layers without copies between layouts", soft_wrap=True)
    if calibration.doubt:
        log.print(f"Warning: {calibration.doubt}.", soft_wrap=True)


def show(found: "Prediction", title: str, threads: str) -> None:
    """A prediction as a table of at most 80 columns, and whether sparsity pays."""
    from rich import box
    from rich.table import Table

    from sis_edge.cli.console import out
    from sis_edge.text.limits import with_limit

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("layer")
    for heading in ("share", "dense µs", "native µs"):
        table.add_column(heading, justify="right")
    table.add_column("chosen")
    table.add_column("why")
    for choice in found.chosen.choices:
        dense_us, native_us = (
            "-" if seconds is None else f"{seconds * 1e6:,.1f}" for seconds in (choice.dense_s, choice.native_s)
        )
        table.add_row(choice.layer.name, f"{choice.share:.0%}", dense_us, native_us, choice.kind, choice.why)
    out.print(table)
    dense_ms, compact_ms, chosen_ms = (
        f"{seconds * 1e3:.2f} ms" for seconds in (found.dense_s, found.compact_s, found.chosen.seconds)
    )
    out.print(
        f"One image on {threads}: dense NiN {dense_ms}; compacted, all in ONNX Runtime {compact_ms} "
        f"({found.compact_speed_up:.2f}x); as chosen {chosen_ms} ({found.speed_up:.2f}x; MAC ratio "
        f"{found.mac_ratio:.2f}x)",
        soft_wrap=True,
    )
    verdict = "pays" if found.pays else "does not pay"
    speed = f"{with_limit(found.speed_up, 1, '.2f')[0]} times the speed of dense NiN"
    out.print(f"Sparsity {verdict} on this board: {speed} is expected.", soft_wrap=True)
