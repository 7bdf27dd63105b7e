"""The synaptic graph of a measured network, formed again from what the run says of it.

A run holds a graph's parameters and its digest, and the same parameters give the same bits on every machine: so the
graph itself need not be stored with every run. A graph whose digest is another is none of it.
"""

from functools import lru_cache

from sis_edge.bundles.manifest import Manifest, NetworkEntry
from sis_edge.errors import UsageError
from sis_edge.formation import PRESETS, Formation, SynapticGraph, form
from sis_edge.registries import NETWORKS
from sis_edge.results.rows.figure import Figure
from sis_edge.spec import NetworkSpec, nin

NOT_AGAIN = "the run holds its digest alone, and its parameters do not form that graph again"

UNIFORM = "uniform"
"""The law of bundles that were built before there were others."""


def graph_of(entry: NetworkEntry, manifest: Manifest) -> Figure[SynapticGraph]:
    """The graph of a network of the bundle, or why it cannot be formed again."""
    units = entry.granularity
    preset = PRESETS.get(entry.preset) if entry.preset else None
    try:
        formation = Formation(
            t_c=entry.t_c,
            t_p=entry.t_p,
            seed=entry.graph_seed,
            conv=units.conv,
            micro=units.micro,
            distribution=entry.distribution or UNIFORM,
            conv_synapses=preset.conv_synapses if preset else None,
            block=Formation.block if units.block is None else units.block,
        )
        for spec in _specs(entry.name, len(manifest.classes) if manifest.classes else None, _side(manifest)):
            graph, digest = _formed(formation, spec)
            if digest == entry.graph_sha256:
                return Figure(graph)
    except UsageError as error:
        return Figure.unknown(f"it cannot be formed again: {error}")
    return Figure.unknown(NOT_AGAIN)


def _side(manifest: Manifest) -> int:
    """The side of the images that the networks take."""
    resize = manifest.preprocess.resize if manifest.preprocess else None
    return resize.height if resize else nin().side


def _specs(name: str, classes: int | None, side: int) -> list[NetworkSpec]:
    """The networks that it may be a form of: the paper's, else one that its name begins with."""
    known = [each for each in NETWORKS if name == each or name.startswith(f"{each}-")]
    return [nin(classes or nin().classes), *(NETWORKS[each](classes, side) for each in known if each != "nin")]


@lru_cache(maxsize=32)
def _formed(formation: Formation, spec: NetworkSpec) -> tuple[SynapticGraph, str]:
    """The graph and its digest, once: reports over many runs have the same networks again and again."""
    graph = form(spec, formation)
    return graph, graph.digest()
