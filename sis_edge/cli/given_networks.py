"""Networks of the user's own in a bundle, as `bundle show` and `bundle make` print them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sis_edge.bundles.manifest import GivenNetwork, TensorSpec


def show(networks: "Sequence[GivenNetwork]", sizes: Mapping[str, int], title: str) -> None:
    """A table of at most 80 columns, then a line for each network: its tensors, and what is known of its outputs."""
    from sis_edge.cli.console import out
    from sis_edge.report.grid import grid

    headings = ("network", "file", "opset", "parameters", "MACs", "kB")
    lines = [_cells(network, sizes) for network in networks]
    out.print(grid(headings, lines, title=title, words=("network", "file"), whole=["network"]))
    out.print()
    for network in networks:
        out.print(f"{network.name}: {sentence(network)}.", soft_wrap=True)


def sentence(network: "GivenNetwork") -> str:
    """What goes in and comes out, where the inputs are from, and what the outputs are compared with."""
    source = f"random inputs (seed {network.inputs_seed})" if network.inputs_are_random else "inputs of the user's own"
    expected = (
        f"expected outputs: {network.expected_from}"
        if network.expected is not None
        else f"outputs are not compared: {network.expected_from or 'none are known'}"
    )
    labels = "; with labels" if network.labels is not None else ""
    outputs = f" to {_tensors(network.output_tensors)}" if network.output_tensors else ""
    return f"{_tensors(network.input_tensors)}{outputs}; {source}; {expected}{labels}"


def _cells(network: "GivenNetwork", sizes: Mapping[str, int]) -> tuple[str, ...]:
    size_bytes = sum(sizes[path] for path in (network.model, *network.external_data))
    return (
        network.name,
        network.source_name,
        _count(network.opset),
        _count(network.parameters),
        _count(network.macs),
        f"{size_bytes / 1000:,.0f}",
    )


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _tensors(specs: "Sequence[TensorSpec]") -> str:
    return ", ".join(f"{spec.name} {spec.dtype} {'x'.join(map(str, spec.shape)) or 'scalar'}" for spec in specs) or "-"
