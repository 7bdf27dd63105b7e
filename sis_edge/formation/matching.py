"""The same budget for granularities that cannot meet every count: the formation that comes nearest to it."""

from bisect import bisect_left

from sis_edge.formation.form import form
from sis_edge.formation.formation import Formation
from sis_edge.registries import GRANULARITIES
from sis_edge.spec import NetworkSpec


def matched(spec: NetworkSpec, formation: Formation, synapses: int) -> Formation:
    """The formation whose graph is nearest to so many synapses, with one share moved where its units need that.

    Units that can be counted out (kernels, blocks, single synapses) meet `conv_synapses` already, and the formation
    comes back as it is. Raises UsageError where it cannot be formed.
    """
    candidates = GRANULARITIES.find(formation.conv).steps(spec, formation)
    if not candidates:
        return formation

    def count(candidate: Formation) -> int:
        return form(spec, candidate).synapse_count

    above = bisect_left(candidates, synapses, key=count)  # the count rises with the share
    return min(candidates[max(0, above - 1) : above + 1], key=lambda candidate: abs(count(candidate) - synapses))
