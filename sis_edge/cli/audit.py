"""`sis-edge audit`: what sparse tensor cores may make of a bundle, and what they made of it."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, options
from sis_edge.cli.command import command
from sis_edge.registries import PRECISIONS

if TYPE_CHECKING:
    from sis_edge.results.sparsity_audit import LayerAudit, NetworkAudit

app = typer.Typer()


@command(app, excludes={"run": ("runs_dir",)})
def audit(
    path: options.Bundle,
    profile: options.BoardProfile = None,
    run: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Stored run of this bundle. [default: the newest with TensorRT]")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Precision of the engines: {PRECISIONS.listed()}. [default: the first that was measured]",
            autocompletion=complete.one(lambda: PRECISIONS),
        ),
    ] = None,
    runs_dir: options.RunsDir = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Show for each layer whether it is 2:4 sparse, why not, and whether TensorRT chose sparse kernels for it."""
    from sis_edge import profiles
    from sis_edge.bundles.verify import verify
    from sis_edge.cli import console
    from sis_edge.cli.documents.audit import audited
    from sis_edge.errors import RecordError, UsageError
    from sis_edge.results import sparsity_audit as audits
    from sis_edge.results import store

    if precision is not None:
        PRECISIONS.checked(precision)
    bundle = verify(path)
    if not bundle.manifest.networks:
        raise UsageError(
            f"the networks of {path} are your own, and an audit looks at networks that sis-edge formed; "
            "name a bundle of `sis-edge build`"
        )
    board = profiles.load(profile) if profile else profiles.of_bundle(bundle.manifest.profile)
    measured = store.load(run) if run else None
    if measured is None:
        with suppress(RecordError):  # nothing was measured yet
            measured = audits.newest_run(bundle, store.load_all(runs_dir).runs)
    found = audits.audit(bundle, board, measured, precision)
    if as_json:
        console.document(audited(bundle, board, found))
        return
    for network in found:
        _show(network)
    console.out.print(
        f"{board.title} has sparse tensor cores. Eligible does not mean chosen: TensorRT times sparse and dense "
        "kernels and keeps the faster."
        if board.gpu is not None and board.gpu.sparse_24
        else f"{board.title} has no sparse tensor cores, so no layer is eligible.",
        soft_wrap=True,
    )


def _show(network: "NetworkAudit") -> None:
    from sis_edge.cli.console import out
    from sis_edge.report.grid import grid

    entry, preset = network.entry, network.entry.preset_synapses
    count = f"{entry.synapses:,} synapses" + (f" (preset {preset:,})" if preset not in (None, entry.synapses) else "")
    title = f"{entry.name}: {entry.granularity.words}, {count}, opset {entry.opset}"
    is_timed = network.layers_not_timed is None
    reasons = {layer.why_not for layer in network.layers}
    common = reasons.pop() if len(reasons) == 1 else None  # said once, and not in every line
    headings = ["layer", "shape", "zeros", "2:4", "chosen"]
    headings += ["dense", "sparse"] * is_timed + ["why not"] * (common is None)
    lines = (_cells(layer, is_timed, common is None) for layer in network.layers)
    whole = [heading for heading in headings if heading != "why not"]
    out.print(grid(headings, lines, title=title, words=("layer", "2:4", "chosen", "why not"), whole=whole))
    out.print()
    if common is not None:
        out.print(f"No layer is eligible for 2:4; {common}.", soft_wrap=True)
    precisions = ", ".join(
        [
            "fp32",
            *(
                f"{each.precision} for {each.runtime}" + " with native kernels" * (each.form == "native")
                for each in entry.variants
            ),
        ]
    )
    out.print(f"Precisions: {precisions}.", soft_wrap=True)
    _show_times(network, is_timed, common)
    out.print()


def _show_times(network: "NetworkAudit", is_timed: bool, common: str | None) -> None:
    from sis_edge.cli.console import out

    if is_timed:
        out.print("Layer times: medians of a profiled pass, which is slower than the measured one.", soft_wrap=True)
    elif network.not_measured is None and common is None:
        out.print(f"Layer times: unknown, because {network.layers_not_timed}.", soft_wrap=True)
    if network.dense_s is not None and network.sparse_s is not None:
        out.print(
            f"In {network.precision}, median latency {network.dense_s * 1e3:.3f} ms with dense kernels, "
            f"{network.sparse_s * 1e3:.3f} ms with sparse ones allowed.",
            soft_wrap=True,
        )
    elif any(layer.is_eligible for layer in network.layers):
        out.print(f"Time with dense and with sparse kernels: {network.not_measured or 'not measured'}.", soft_wrap=True)


def _cells(layer: "LayerAudit", is_timed: bool, says_why: bool) -> tuple[str, ...]:
    chosen = "not measured" if layer.chosen is None else ("yes" if layer.chosen else "no")
    return (
        layer.weights.layer,
        "x".join(map(str, layer.weights.shape)),
        f"{layer.weights.zeros:.0%}",
        "yes" if layer.is_eligible else "no",
        chosen if layer.is_eligible else "-",
        *((_time(layer.dense_s), _time(layer.sparse_s)) if is_timed else ()),
        *((layer.why_not or "",) if says_why else ()),
    )


def _time(seconds: float | None) -> str:
    from sis_edge.report import rows as show

    return "-" if seconds is None else show.seconds(seconds)
