"""The same budget for granularities that cannot hit a count: the share that comes nearest to it."""

from bisect import bisect_left
from dataclasses import replace
from math import gcd

from sis_edge.formation.form import form
from sis_edge.formation.formation import Formation
from sis_edge.formation.granularities.nm import M
from sis_edge.spec import NetworkSpec


def matched(spec: NetworkSpec, formation: Formation, synapses: int) -> Formation:
    """The formation whose graph is nearest to so many synapses, with one share moved where its units need that.

    Whole neurons move `t_c`; N of M fixes the count of CL, so that the micro networks' `t_p` gives way. Kernels, blocks
    and single synapses are counted out by `conv_synapses` already and come back as they are. Raises UsageError where
    the formation cannot be formed.
    """
    if formation.conv == "neuron":
        widest = max(layer.filters for layer in spec.layers if layer.group == "CL")
        candidates = [replace(formation, t_c=count / widest) for count in range(1, widest + 1)]
    elif formation.conv == "nm":
        # Only shares at which the inputs of CL divide by M: elsewhere a layer is dense and the pattern not there.
        pairs = zip(spec.layers, spec.layers[1:], strict=False)
        common = gcd(*(layer.filters for layer, after in pairs if layer.group == "MP" and after.group == "CL"))
        candidates = [replace(formation, t_p=count / common) for count in range(M, common + 1, M)]
    else:
        return formation

    def count(candidate: Formation) -> int:
        return form(spec, candidate).synapse_count

    above = bisect_left(candidates, synapses, key=count)  # the count rises with the share
    return min(candidates[max(0, above - 1) : above + 1], key=lambda candidate: abs(count(candidate) - synapses))
