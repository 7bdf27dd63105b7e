"""`sis-edge form`: draw a synaptic graph and show it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sis_edge.cli import complete, options
from sis_edge.cli.command import command
from sis_edge.cli.lists import share
from sis_edge.errors import UsageError
from sis_edge.registries import DISTRIBUTIONS, GRANULARITIES

if TYPE_CHECKING:
    from sis_edge.cli.documents.networks import FormDocument, FormedLayer
    from sis_edge.formation import Formation

app = typer.Typer()

GRANULARITY = complete.one(lambda: GRANULARITIES)


@command(
    app,
    excludes={
        "preset": ("network", "classes", "side", "t_c", "t_p"),
        "masks": ("preset", "t_c", "t_p", "conv", "micro", "block", "distribution", "theta", "seed"),
        "theta": ("distribution",),
    },
)
def form(
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Network of the paper, at its exact synapse count.",
            autocompletion=complete.one(complete.presets),
        ),
    ] = None,
    network: options.Network = None,
    classes: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="Number of classes. [default: the network's, 10 for NiN]")
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Side of the images, with --network. [default: the network's]"),
    ] = None,
    t_c: Annotated[
        str | None,
        typer.Option("--t-c", metavar="SHARE", help="Density of convolutional layers: 0.25 or 25%, for example."),
    ] = None,
    t_p: Annotated[
        str | None, typer.Option("--t-p", metavar="SHARE", help="Density of micro networks, likewise.")
    ] = None,
    conv: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Granularity of convolutional layers: {GRANULARITIES.listed()}.",
            autocompletion=GRANULARITY,
        ),
    ] = "kernel",
    micro: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Granularity of micro networks, one of the same.", autocompletion=GRANULARITY
        ),
    ] = "neuron",
    block: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Filters per block, for granularity block. [default: 8]")
    ] = None,
    distribution: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Distribution that synapses are drawn from (Theta): {DISTRIBUTIONS.listed()}. The paper's is "
            "uniform; erk is Erdos-Renyi-kernel.",
            autocompletion=complete.one(lambda: DISTRIBUTIONS),
        ),
    ] = "uniform",
    theta: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Distribution of your own: an .npz file with an array of likelihoods for each layer, of its kernels "
            "(filters, inputs) or synapses.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Random seed; the same seed gives the same graph on every machine.")
    ] = 0,
    masks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Graph of your own: an .npz file with a bool array of synapses for each layer.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write the graph to. [default: graphs/NAME.npz]"),
    ] = None,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="Graph file to compare with.")] = None,
    as_json: options.Json = False,
) -> None:
    """Form a network: decide from a seed which neurons and synapses exist, and write the graph to a file."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.networks import formed
    from sis_edge.formation import SynapticGraph
    from sis_edge.formation import form as draw
    from sis_edge.formation import theta as own_theta
    from sis_edge.networks.find import find

    densities = {
        name: share(option, text, up_to_one=True)
        for name, option, text in (("t_c", "--t-c", t_c), ("t_p", "--t-p", t_p))
        if text is not None
    }
    other = None if against is None else SynapticGraph.load(against)
    described = find(network or "nin", classes, side)
    if masks is not None:
        graph, name = SynapticGraph.load_masks(masks, described.spec), masks.stem
    else:
        changes = {"conv": conv, "micro": micro, "distribution": distribution, **_block(block, conv, micro)}
        formation = described.formation(_formation(preset, densities, network, seed=seed, **changes))
        if theta is not None:
            formation = own_theta.with_theta(described.spec, formation, own_theta.load(theta), theta.stem)
        graph = draw(described.spec, formation)
        name = _name(preset, network and described.spec.name, formation)
    path = output or Path("graphs") / f"{name}.npz"
    found = formed(graph, path, preset, other)
    graph.save(path)
    if as_json:
        console.document(found)
    else:
        _show(found, str(against))


def _block(block: int | None, conv: str, micro: str) -> dict[str, int]:
    """Filters per block, where they are given; raises UsageError where no granularity has blocks."""
    if block is None:
        return {}
    if not any(GRANULARITIES.find(name).has_blocks for name in (conv, micro)):
        raise UsageError(f"--block is {block}, and neither --conv {conv} nor --micro {micro} has blocks")
    return {"block": block}


def _formation(preset: str | None, densities: dict[str, Any], network: str | None, **changes: Any) -> "Formation":
    from dataclasses import replace

    from sis_edge.formation import Formation
    from sis_edge.formation import preset as find

    if preset is None and network is None and not densities:
        raise UsageError("form needs --preset NAME, --network NAME, or densities such as --t-c 0.25 --t-p 0.5")
    base = Formation() if preset is None else find(preset).formation()
    return replace(base, **densities, **changes)


def _name(preset: str | None, network: str | None, formation: "Formation") -> str:
    parts = [preset or "-".join(filter(None, (network, f"tc{formation.t_c:g}-tp{formation.t_p:g}")))]
    if (formation.conv, formation.micro) != ("kernel", "neuron"):
        parts.append(f"{formation.conv}-{formation.micro}")
    if "block" in (formation.conv, formation.micro) and formation.block != type(formation).block:
        parts.append(f"of{formation.block}")
    if formation.distribution != type(formation).distribution:
        parts.append(formation.distribution)
    if formation.seed:
        parts.append(f"seed{formation.seed}")
    return "-".join(parts)


def _show(found: "FormDocument", against: str) -> None:
    from sis_edge.cli.console import out
    from sis_edge.report.grid import grid

    is_own = found.network != "nin"
    title = (
        f"{found.preset or (found.network if is_own else 'SiS network')}: t_c {found.t_c:g} ({found.conv}), "
        f"t_p {found.t_p:g} ({found.micro}), {found.distribution}, seed {found.seed}"
    )
    headings = ("layer", "kernel", "neurons", "alive", "synapses", "of", "density", "MMAC")
    out.print(grid(headings, map(_cells, found.layers), title=title, words=["layer"]))
    out.print()
    out.print(
        f"CL {found.conv_synapses:,}, MP {found.micro_synapses:,}, total {found.synapses:,} synapses: "
        f"{found.architectural_efficiency:.2f}x fewer than dense {found.network if is_own else 'NiN'}",
        soft_wrap=True,
    )
    out.print(
        f"{found.macs / 1e6:.1f} million multiply-accumulates per image, {found.mac_ratio:.2f}x fewer;\n"
        f"{found.macs_live / 1e6:.1f} million without dead neurons, {found.ceiling:.2f}x fewer",
        soft_wrap=True,
    )
    target = found.preset_conv_synapses
    if target is not None and target != found.conv_synapses:
        out.print(f"Note: granularity {found.conv} cannot reach the preset's {target:,} CL synapses exactly.")
    if found.difference is not None:
        columns = ("layer", "in both", "only here", "only there")
        rows = (
            (row.layer, f"{row.in_both:,}", f"{row.only_here:,}", f"{row.only_there:,}") for row in found.difference
        )
        out.print()
        out.print(grid(columns, rows, title=f"Synapses compared with {against}", words=["layer"]))
        out.print()
    out.print(f"Graph {found.graph_sha256[:12]} written to {found.path}", soft_wrap=True)


def _cells(layer: "FormedLayer") -> tuple[str, ...]:
    return (
        layer.layer,
        f"{layer.kernel}x{layer.kernel}",
        f"{layer.neurons}/{layer.dense_neurons}",
        str(layer.neurons_alive),
        f"{layer.synapses:,}",
        f"{layer.dense_synapses:,}",
        f"{layer.density:.1%}",
        f"{layer.macs / 1e6:.2f}",
    )
