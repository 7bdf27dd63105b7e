"""Images of another side than a network's own: progressive resizing trains on smaller ones first."""

from dataclasses import replace

from sis_edge.spec import LayerSpec, NetworkSpec, added_to, sources_of, subsampling


def takes(spec: NetworkSpec, side: int) -> bool:
    """Whether the layers, as they are, compute class scores of images [channels, side, side].

    A linear layer that reads a whole map does not fit a smaller one, and results that are added may no longer be alike.
    """
    layers: list[LayerSpec] = []
    for layer, source, added in zip(spec.layers, sources_of(spec.layers), added_to(spec.layers), strict=True):
        read = side if source < 0 else layers[source].out_side
        layers.append(now := replace(layer, map_side=1 if layer.global_pool else read))
        if now.conv_side < 1 or now.out_side < 1:
            return False
        if added is not None:
            every = subsampling(layer, spec.layers[added])
            if -(-layers[added].out_side // every) != now.conv_side:
                return False
    return True
