"""What the bundle has: which synapses exist, the weights, and the calibration that kernels were chosen by.

The model: time goes with the multiply-accumulates that are left after compaction. Other values of as many weights take
the same time.
"""

from collections.abc import Iterator

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.explaining.causes.work import of_networks
from sis_edge.explaining.factor import Effect, Factor, log_ratio
from sis_edge.explaining.pair import RunPair, Sides
from sis_edge.results.schema import KnownNetwork, StoredRun
from sis_edge.results.two_runs.obstacles import weights as weights_of


def structure(pair: RunPair) -> Iterator[Factor]:
    """The graph: multiply-accumulates per image."""
    macs, graphs = pair.of_networks(_macs), pair.of_networks(_graph)
    texts: Sides[str] = {
        title: (f"{a / 1e6:.4g} M MACs ({graphs[title][0]})", f"{b / 1e6:.4g} M MACs ({graphs[title][1]})")
        for title, (a, b) in macs.items()
    }
    likely = {title: log_ratio(*macs[title]) or 0.0 for title, (a, b) in texts.items() if a != b}
    widest = max(map(abs, likely.values()), default=0.0)
    yield from of_networks(pair, "structure", "structure", texts, Effect(likely, 0.3 * widest + 0.02))


def weights(pair: RunPair) -> Iterator[Factor]:
    """The model's file; with the same graph only its values, or how it was exported."""
    sides = pair.of_networks(lambda run, entry, record: (weights_of(run, entry) or "")[:12] or None)
    graphs = pair.of_networks(_graph)
    others = {title: None for title, (a, b) in sides.items() if a != b and _is_one(graphs.get(title))}
    yield from of_networks(pair, "weights", "model file", sides, Effect.could_matter(others, 0.03, 0.3))


def calibration(pair: RunPair) -> Iterator[Factor]:
    """The board's calibration: it acts through the kernels that were chosen by it, which are compared by themselves."""
    sides = pair.of_networks(_calibration)
    yield from of_networks(pair, "calibration", "calibration", sides, None, "acts through the choice of kernels")


def _is_one(graphs: tuple[str, str] | None) -> bool:
    return graphs is None or graphs[0] == graphs[1]


def _macs(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> int | None:
    return entry.macs if isinstance(entry, GivenNetwork) else entry.macs_live


def _graph(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> str | None:
    """What tells a structure apart; of a user's network its file."""
    return (entry.source_sha256 if isinstance(entry, GivenNetwork) else entry.graph_sha256)[:12]


def _calibration(run: StoredRun, entry: KnownNetwork, record: NetworkRecord) -> str | None:
    sparse = None if isinstance(entry, GivenNetwork) else entry.sparse
    return None if sparse is None else (sparse.calibration or "none")[:12]
