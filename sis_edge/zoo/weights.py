"""A network's weights without the synapses that do not exist: of each kernel tensor the values that its mask keeps."""

from collections.abc import Mapping

import torch
from torch import Tensor

from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet


def pack(network: SisNet) -> dict[str, Tensor]:
    """State by name; a masked layer's weight is the flat list of its existing synapses, in the mask's order."""
    state = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    for name, mask in _masks(network).items():
        state[name] = state[name][mask].contiguous()
    return state


def unpack(state: Mapping[str, Tensor], graph: SynapticGraph) -> SisNet:
    """The network of a graph with these weights, ready to evaluate; raises KeyError for a layer without weights."""
    network = SisNet(compact(graph))
    whole = dict(state)
    for name, mask in _masks(network).items():
        weight = torch.zeros(mask.shape)
        weight[mask] = whole[name]
        whole[name] = weight
    network.load_state_dict(whole)
    return network.eval()


def _masks(network: SisNet) -> dict[str, Tensor]:
    """For each masked weight's name which of its synapses exist, bool [F, I, k, k]."""
    return {
        f"{name}.weight": layer.mask.bool()
        for name, layer in network.named_modules()
        if getattr(layer, "mask", None) is not None
    }
