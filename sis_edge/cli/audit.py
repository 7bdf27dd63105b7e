"""`sis-edge audit`: what sparse tensor cores may make of a bundle, and what they made of it."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sis_edge.cli.measuring import RunsDir

if TYPE_CHECKING:
    from sis_edge.results.sparsity_audit import NetworkAudit

app = typer.Typer()


@app.command()
def audit(
    path: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's folder.")],
    profile: Annotated[str | None, typer.Option(help="The board's profile. [default: the bundle's]")] = None,
    run: Annotated[
        Path | None, typer.Option(help="A stored run of this bundle. [default: the newest with TensorRT]")
    ] = None,
    precision: Annotated[
        Literal["fp16", "int8"] | None, typer.Option(help="Of the engines. [default: the first that was measured]")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Show for each layer whether it is 2:4 sparse, why not, and whether TensorRT chose sparse kernels for it."""
    from sis_edge import profiles
    from sis_edge.bundles.verify import verify
    from sis_edge.cli.console import out
    from sis_edge.errors import RecordError
    from sis_edge.results import sparsity_audit as audits
    from sis_edge.results import store

    bundle = verify(path)
    board = profiles.load(profile or bundle.manifest.profile)
    measured = store.load(run) if run else None
    if measured is None:
        with suppress(RecordError):  # nothing was measured yet
            measured = audits.newest_run(bundle, store.load_all(runs_dir).runs)
    for network in audits.audit(bundle, board, measured, precision):
        _show(network)
    if board.gpu is not None and board.gpu.sparse_24:
        out.print(
            f"{board.title} has sparse tensor cores. Eligible is not chosen: TensorRT times sparse and dense kernels "
            "and keeps the faster.",
            soft_wrap=True,
        )
    else:
        out.print(f"{board.title} has no sparse tensor cores, so no layer is eligible.", soft_wrap=True)


def _show(network: "NetworkAudit") -> None:
    from rich.table import Table

    from sis_edge.cli.console import out

    entry = network.entry
    wanted = entry.preset_synapses
    count = f"{entry.synapses:,} synapses" + (f" (preset {wanted:,})" if wanted not in (None, entry.synapses) else "")
    precisions = ", ".join(["fp32", *(f"{each.precision} for {each.runtime}" for each in entry.variants)])
    title = f"{entry.name}: {entry.granularity.words}, {count}, opset {entry.opset}"
    out.print(title, style="table.title", soft_wrap=True)  # often wider than its table, which would wrap it
    table = Table()
    is_timed = network.layers_not_timed is None
    reasons = {layer.why_not for layer in network.layers}
    common = reasons.pop() if len(reasons) == 1 else None  # said once, and not in every line
    headings = ["layer", "shape", "zeros", "2:4", "chosen"]
    headings += ["dense", "sparse"] * is_timed + ["why not"] * (common is None)
    for heading in headings:
        is_number = heading in ("shape", "zeros", "dense", "sparse")
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=heading != "why not")
    for layer in network.layers:
        chosen = "not measured" if layer.chosen is None else ("yes" if layer.chosen else "no")
        table.add_row(
            layer.weights.layer,
            "x".join(map(str, layer.weights.shape)),
            f"{layer.weights.zeros:.0%}",
            "yes" if layer.is_eligible else "no",
            chosen if layer.is_eligible else "-",
            *((_time(layer.dense_s), _time(layer.sparse_s)) if is_timed else ()),
            *((layer.why_not or "",) if common is None else ()),
        )
    out.print(table)
    if common is not None:
        out.print(f"No layer is eligible for 2:4; {common}.", soft_wrap=True)
    out.print(f"Precisions: {precisions}.", soft_wrap=True)
    if is_timed:
        out.print("Times of layers: medians of a profiled pass, which is slower than the measured one.", soft_wrap=True)
    elif network.not_measured is None and common is None:
        out.print(f"Times of layers: not known, since {network.layers_not_timed}.", soft_wrap=True)
    if network.dense_s is not None and network.sparse_s is not None:
        out.print(
            f"In {network.precision}, median latency {network.dense_s * 1e3:.3f} ms with dense kernels, "
            f"{network.sparse_s * 1e3:.3f} ms with sparse ones allowed.",
            soft_wrap=True,
        )
    elif any(layer.is_eligible for layer in network.layers):
        out.print(f"Time with dense and with sparse kernels: {network.not_measured or 'not measured'}.", soft_wrap=True)
    out.print()


def _time(seconds: float | None) -> str:
    from sis_edge.report import rows as show

    return "-" if seconds is None else show.seconds(seconds)
