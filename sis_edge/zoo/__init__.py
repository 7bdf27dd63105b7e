"""Trained networks that come with the package: weights, graph, how they were trained, and what they reach.

    networks/<name>.json            the entry: where the weights come from, accuracy and on how many images
    networks/<name>.npz             the synaptic graph
    networks/<name>.safetensors     the weights of the synapses that exist, in half precision
    samples/<data set>.npz          some real images, so that a build from the zoo needs no download

entry.py    what is known of a network, and reading it
weights.py  a network's weights as they are kept
samples.py  the images
add.py      a finished training into the zoo
"""

from sis_edge.zoo.entry import FOLDER, ZooEntry, entries, find, graph, load

__all__ = ["FOLDER", "ZooEntry", "entries", "find", "graph", "load"]
