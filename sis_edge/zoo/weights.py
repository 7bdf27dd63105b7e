"""A network's weights as the zoo stores them: those of the synapses that exist, in half precision.

The synapses are nearly all of the bytes. Rounding each to 11 bits moves a logit by about a thousandth; the zoo's
accuracies are measured with the weights as they are stored.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet


def pack(network: SisNet) -> dict[str, Tensor]:
    """State by name. Kernels are float16; of a masked layer only the existing synapses, flat, in the mask's order."""
    state = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    for name, mask in _synapses(network).items():
        kept = state[name] if mask is None else state[name][mask]
        state[name] = kept.half().contiguous()
    return state


def unpack(state: Mapping[str, Tensor], graph: SynapticGraph) -> SisNet:
    """The network of a graph with these weights, ready to evaluate; raises KeyError for a layer without weights."""
    network = SisNet(compact(graph))
    whole = dict(state)
    for name, mask in _synapses(network).items():
        kept = whole[name].float()
        if mask is not None:
            whole[name] = torch.zeros(mask.shape)
            whole[name][mask] = kept
        else:
            whole[name] = kept
    network.load_state_dict(whole)
    return network.eval()


def _synapses(network: SisNet) -> dict[str, Tensor | None]:
    """The name of each layer's kernels, and which of its synapses exist: bool [F, I, k, k]; None: all."""
    return {
        f"{name}.weight": None if layer.mask is None else layer.mask.bool()
        for name, layer in network.named_modules()
        if hasattr(layer, "mask")
    }
