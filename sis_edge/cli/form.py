"""`sis-edge form`: draw a synaptic graph and show it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.formation import Formation, SynapticGraph

app = typer.Typer()


@app.command()
def form(
    preset: Annotated[str | None, typer.Option(help="A network of the paper, at its exact synapse count.")] = None,
    t_c: Annotated[
        float | None, typer.Option("--t-c", help="Share of the convolutional layers' units, in (0, 1].")
    ] = None,
    t_p: Annotated[float | None, typer.Option("--t-p", help="Share of the micro networks' units, in (0, 1].")] = None,
    conv: Annotated[
        str, typer.Option(help="Granularity of convolutional layers: kernel, neuron, block, nm, synapse.")
    ] = "kernel",
    micro: Annotated[str, typer.Option(help="Granularity of micro networks, one of the same.")] = "neuron",
    block: Annotated[int, typer.Option(help="Filters that share a kernel's place, for granularity block.")] = 8,
    distribution: Annotated[
        str,
        typer.Option(
            help="Theta, the law that synapses are drawn by: uniform (the paper's), erk (Erdos-Renyi-kernel), "
            "constant-fan-in, degree-balanced, centred."
        ),
    ] = "uniform",
    seed: Annotated[int, typer.Option(help="The same seed gives the same graph on every machine.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The graph's file. [default: graphs/NAME.npz]")
    ] = None,
    against: Annotated[Path | None, typer.Option(help="A graph file to compare with.")] = None,
) -> None:
    """Form a network: decide from a seed which neurons and synapses exist, and write the graph."""
    from sis_edge.formation import Formation, SynapticGraph
    from sis_edge.formation import form as draw
    from sis_edge.formation import preset as find
    from sis_edge.spec import nin

    if preset is None and t_c is None and t_p is None:
        raise UsageError("form needs --preset NAME, or shares such as --t-c 0.25 --t-p 0.5")
    if preset is not None and (t_c is not None or t_p is not None):
        raise UsageError("--preset has its own shares; give either --preset or --t-c and --t-p")
    base = (
        find(preset).formation(seed)
        if preset is not None
        else Formation(t_c=1 if t_c is None else t_c, t_p=1 if t_p is None else t_p)
    )
    formation = _with(base, seed=seed, conv=conv, micro=micro, block=block, distribution=distribution)
    other = None if against is None else SynapticGraph.load(against)
    graph = draw(nin(), formation)
    path = output or Path("graphs") / f"{_name(preset, formation)}.npz"
    graph.save(path)
    _show(graph, preset)
    if other is not None:
        _show_difference(graph, other, str(against))
    from sis_edge.cli.console import out

    out.print(f"Graph {graph.digest()[:12]} written to {path}", soft_wrap=True)


def _with(base: "Formation", **changes: object) -> "Formation":
    from dataclasses import replace

    return replace(base, **changes)  # type: ignore[arg-type]  # the options have the fields' types


def _name(preset: str | None, formation: "Formation") -> str:
    parts = [preset or f"tc{formation.t_c:g}-tp{formation.t_p:g}"]
    if (formation.conv, formation.micro) != ("kernel", "neuron"):
        parts.append(f"{formation.conv}-{formation.micro}")
    if "block" in (formation.conv, formation.micro) and formation.block != type(formation).block:
        parts.append(f"of{formation.block}")
    if formation.distribution != type(formation).distribution:
        parts.append(formation.distribution)
    if formation.seed:
        parts.append(f"seed{formation.seed}")
    return "-".join(parts)


def _show(graph: "SynapticGraph", preset: str | None) -> None:
    from rich.table import Table

    from sis_edge.cli.console import out
    from sis_edge.formation.compaction import compact, live_neurons

    formation = graph.formation
    table = Table(
        title=f"{preset or 'SiS network'}: t_c {formation.t_c:g} ({formation.conv}), t_p {formation.t_p:g} "
        f"({formation.micro}), {formation.distribution}, seed {formation.seed}",
        title_justify="left",
    )
    table.add_column("layer")
    for heading in ("kernel", "neurons", "alive", "synapses", "of", "share", "MMAC"):
        table.add_column(heading, justify="right")
    for layer, alive in zip(graph.layers, live_neurons(graph), strict=True):
        table.add_row(
            layer.spec.name,
            f"{layer.spec.kernel}x{layer.spec.kernel}",
            f"{int(layer.neurons.sum())}/{layer.spec.filters}",
            str(int(alive.sum())),
            f"{layer.synapse_count:,}",
            f"{layer.spec.synapse_count:,}",
            f"{layer.synapse_count / layer.spec.synapse_count:.1%}",
            f"{layer.macs / 1e6:.2f}",
        )
    out.print(table)
    out.print(
        f"CL {graph.conv_synapses:,}, MP {graph.micro_synapses:,}, total {graph.synapse_count:,}, "
        f"{graph.architectural_efficiency:.2f}x fewer than dense NiN",
        soft_wrap=True,
    )
    live = sum(layer.macs for layer in compact(graph))
    out.print(
        f"{graph.macs / 1e6:.1f} million multiply-accumulates an image, {graph.mac_ratio:.2f}x fewer\n"
        f"{live / 1e6:.1f} million once dead neurons are gone: no speed-up can exceed {graph.spec.macs / live:.2f}x",
        soft_wrap=True,
    )
    target = formation.conv_synapses
    if target is not None and target != graph.conv_synapses:
        out.print(f"Note: granularity {formation.conv} cannot reach the preset's {target:,} CL synapses exactly.")


def _show_difference(graph: "SynapticGraph", other: "SynapticGraph", path: str) -> None:
    from rich.table import Table

    from sis_edge.cli.console import out

    table = Table(title=f"Synapses against {path}", title_justify="left")
    for heading in ("layer", "in both", "only here", "only there"):
        table.add_column(heading, justify="left" if heading == "layer" else "right")
    for row in graph.difference(other):
        table.add_row(row.layer, f"{row.shared:,}", f"{row.only_first:,}", f"{row.only_second:,}")
    out.print(table)
