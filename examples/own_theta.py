"""Densities t_c and t_p of one's own, and Theta, the synaptic probability distribution, as a function."""

import numpy as np

import sis_edge


def local(shape: tuple[int, ...]) -> np.ndarray:
    """Neurons connect mostly to neurons at the same relative place: exp(-10 |i / filters - j / inputs|)."""
    filters, inputs = shape[:2]
    distance = np.abs(np.arange(filters)[:, None] / filters - np.arange(inputs)[None, :] / inputs)
    return np.exp(-10 * distance)


uniform = sis_edge.form(t_c=0.2, t_p=0.25, seed=1)
graph = sis_edge.form(t_c=0.2, t_p=0.25, seed=1, theta=local)
print(graph)

for difference in graph.difference(uniform):
    print(
        f"{difference.layer}: {difference.shared:,} synapses as in the uniform graph, {difference.only_first:,} others"
    )

network = sis_edge.train(graph, "digits", epochs=1, limit=256)
print(f"\naccuracy {network.accuracy:.3f} on {network.test_images} test images after one short epoch")
