"""The networks of a build: presets in the granularities of a board, or graph files; each graph is formed once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.errors import UsageError, unknown
from sis_edge.files.names import checked
from sis_edge.formation import PRESETS, Formation, Preset, SynapticGraph, form, preset, preset_of
from sis_edge.formation.matching import matched
from sis_edge.networks.files import DescribedNetwork
from sis_edge.profiles import NetworkSettings
from sis_edge.registries import GRANULARITIES
from sis_edge.spec import nin

if TYPE_CHECKING:
    from sis_edge.training.trained import TrainedNetwork


@dataclass(frozen=True, eq=False)
class PlannedNetwork:
    """A network to build, by the name that it has in the bundle; `preset` is the paper's that it was formed from.

    `trained` is the network that its user trained; without it a build trains, or takes it from the zoo.
    """

    name: str
    graph: SynapticGraph
    preset: Preset | None = None
    trained: "TrainedNetwork | None" = None


def plan_networks(
    names: Iterable[str], settings: NetworkSettings, classes: int = 10, *, by_shares: bool = False
) -> tuple[PlannedNetwork, ...]:
    """The networks of these names, a preset's (in the board's granularities) or a graph file's (.npz).

    `classes` are those of the data set, and `by_shares` as in `formation_for`, for presets. Raises UsageError for an
    unknown name and for a network that is named twice.
    """
    networks = tuple(plan_network(name, settings, classes, by_shares=by_shares) for name in names)
    if not networks:
        raise UsageError(f"no network to build; known: {', '.join(PRESETS)}, or graph files (.npz)")
    seen: set[str] = set()
    for network in networks:
        if network.name in seen:
            raise UsageError(f"network {network.name} is named twice; give each once")
        seen.add(network.name)
    return networks


def own_networks(networks: "Mapping[str, TrainedNetwork]") -> tuple[PlannedNetwork, ...]:
    """Networks that their user trained, by name; one with a preset's very synapses is known as that.

    Raises UsageError for a name that cannot be a folder's, and for networks of different data sets.
    """
    first = next(iter(networks.values()))
    for name, network in networks.items():
        if network.dataset.sha256 != first.dataset.sha256:
            raise UsageError(
                f"{name} was trained on {network.dataset.name}, another on {first.dataset.name}; "
                "a bundle has test images of one data set"
            )
    return tuple(
        PlannedNetwork(checked("network", name), network.graph, preset_of(network.graph), network)
        for name, network in networks.items()
    )


def plan_described(
    described: DescribedNetwork, settings: NetworkSettings, t_c: float, t_p: float, seed: int = 0
) -> tuple[PlannedNetwork, ...]:
    """Another network than the paper's, dense and then of these densities (nothing more where they are 1).

    Raises UsageError for a name that cannot be a folder's, and where a layer would have no path left.
    """
    spec = described.spec
    dense = PlannedNetwork(checked("network", spec.name), form(spec, Formation()))
    if t_c == t_p == 1 and not described.densities:
        return (dense,)
    formation = described.formation(
        Formation(t_c=t_c, t_p=t_p, seed=seed, conv=settings.conv, micro=settings.micro, block=settings.block)
    )
    return dense, PlannedNetwork(f"{spec.name}-tc{t_c:g}-tp{t_p:g}", form(spec, formation))


def plan_network(name: str, settings: NetworkSettings, classes: int = 10, *, by_shares: bool = False) -> PlannedNetwork:
    """One network; a file's stem is its name, a preset's is `name_of` its formation."""
    if name.endswith(".npz"):
        return PlannedNetwork(checked("network", Path(name).stem), SynapticGraph.load(Path(name)))
    row = _preset(name, settings, classes)
    formation = formation_for(row.name, settings, by_shares=by_shares)
    return PlannedNetwork(name_of(row, formation, classes), form(nin(classes), formation), row)


def formation_for(name: str, settings: NetworkSettings, seed: int = 0, *, by_shares: bool = False) -> Formation:
    """A preset's formation in the granularities of a board, as near as their units come to the preset's count.

    Whole filters take their inputs along, so that the preset's shares leave far fewer synapses: their share moves
    (`by_shares`: it does not). N of M fixes the count of CL, within some 4% of the paper's, and keeps the shares.
    """
    row = preset(name)
    found = replace(row.formation(seed), conv=settings.conv, micro=settings.micro, block=settings.block)
    keeps_shares = by_shares or row.t_c == 1 or GRANULARITIES.find(settings.conv).fits_sparse_cores
    return found if keeps_shares else matched(nin(), found, row.synapses)


def name_of(row: Preset, formation: Formation, classes: int = 10) -> str:
    """The preset's name, with its units and classes behind it where they are not the paper's: another network.

    >>> sis1 = preset("cifar10-sis1")
    >>> name_of(sis1, sis1.formation()), name_of(sis1, replace(sis1.formation(), conv="neuron"))
    ('cifar10-sis1', 'cifar10-sis1-neuron')
    >>> name_of(sis1, sis1.formation(), classes=3)
    'cifar10-sis1-3-classes'
    """
    paper = row.formation()
    own = [row.name]
    if formation.conv != paper.conv and formation.t_c < 1:
        has_width = GRANULARITIES.find(formation.conv).has_blocks and formation.block != Formation().block
        own.append(f"{formation.conv}{formation.block if has_width else ''}")
    if formation.micro != paper.micro and formation.t_p < 1:
        own.append(f"micro-{formation.micro}")
    if classes != nin().classes:
        own.append(f"{classes}-classes")
    return "-".join(own)


def _preset(name: str, settings: NetworkSettings, classes: int) -> Preset:
    """The preset of that name, or the one whose network has that name on the board."""
    if name in PRESETS:
        return PRESETS[name]
    on_board = {name_of(row, formation_for(row.name, settings), classes): row for row in PRESETS.values()}
    if name not in on_board:
        raise unknown("network", name, dict.fromkeys([*PRESETS, *on_board]))
    return on_board[name]
