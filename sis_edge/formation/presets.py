"""The paper's seven networks: shares, exact synapse counts, and the accuracy that the paper reports.

Source: Tables 1 and 2 of the paper. The MP counts take three values only, those of a share t_p of whole neurons in
each micro network; the CL counts fit a share t_c of whole kernels between existing neurons.
"""

from dataclasses import dataclass, field

from sis_edge.errors import unknown
from sis_edge.formation.form import form
from sis_edge.formation.formation import Formation
from sis_edge.formation.graph import SynapticGraph


@dataclass(frozen=True)
class Preset:
    """One row of the paper's tables; `paper_accuracy` maps a data set to the paper's test accuracy."""

    name: str
    t_c: float
    t_p: float
    conv_synapses: int
    micro_synapses: int
    paper_accuracy: dict[str, float] = field(default_factory=dict)

    @property
    def synapses(self) -> int:
        """All synapses, the paper's count."""
        return self.conv_synapses + self.micro_synapses

    def formation(self, seed: int = 0) -> Formation:
        """The formation that hits the paper's counts exactly, with kernels in CL and neurons in MP."""
        return Formation(t_c=self.t_c, t_p=self.t_p, seed=seed, conv_synapses=self.conv_synapses)


DENSE = "nin"

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(DENSE, 1, 1, 806_976, 152_128, {"cifar10": 0.8894, "svhn": 0.9499}),
        Preset("cifar10-sis1", 0.25, 1, 201_522, 152_128, {"cifar10": 0.8872}),
        Preset("cifar10-sis2", 0.5, 0.5, 203_475, 63_008, {"cifar10": 0.8745}),
        Preset("cifar10-sis3", 1, 0.25, 212_544, 28_240, {"cifar10": 0.8646}),
        Preset("svhn-sis1", 0.25, 1, 203_697, 152_128, {"svhn": 0.9459}),
        Preset("svhn-sis2", 0.5, 0.5, 207_618, 63_008, {"svhn": 0.9435}),
        Preset("svhn-sis3", 0.25, 0.25, 54_048, 28_240, {"svhn": 0.9342}),
    )
}

_WITHOUT_FIGURE = {"fashion_mnist": (DENSE, "cifar10-sis2", "cifar10-sis3", "svhn-sis3")}
"""Of a data set that is not the paper's the networks to build: on Fashion-MNIST those that the zoo has trained."""


def reported_on(dataset: str) -> tuple[Preset, ...]:
    """The presets for which the paper has an accuracy on that data set."""
    return tuple(row for row in PRESETS.values() if dataset in row.paper_accuracy)


def presets_for(dataset: str) -> tuple[str, ...]:
    """Names of the presets to build for a data set, dense NiN first: the paper's for it, else those for CIFAR-10."""
    papers = tuple(row.name for row in reported_on(dataset))
    return papers or _WITHOUT_FIGURE.get(dataset) or presets_for("cifar10")


def preset(name: str) -> Preset:
    """The preset of that name; raises UsageError with the known names."""
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]


def preset_of(graph: SynapticGraph) -> Preset | None:
    """The preset whose synapses these are, whatever unit or file they formed in; None: no network of the paper."""
    for row in PRESETS.values():
        same_count = row.synapses == graph.synapse_count
        if same_count and form(graph.spec, row.formation(graph.formation.seed)).digest() == graph.digest():
            return row
    return None
