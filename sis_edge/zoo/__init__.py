"""Trained networks that come with the package: weights, graph, training and accuracy.

    networks/<name>.json            the entry: how it was trained, accuracy and on how many images
    networks/<name>.npz             the synaptic graph
    networks/<name>.safetensors     the weights of the synapses that exist, in half precision
    samples/<data set>.npz          some real images, so a build from the zoo needs no download

entry.py    one network's entry, and reading it
weights.py  a network's weights as they are stored
samples.py  the images
drops.py    how far a network is below our own dense one
rows.py     accuracies as data; tables.py as tables
by_size.py  ours, the paper's and published accuracies (published.py) by size; charts.py draws them
add.py      add a finished training to the zoo
finished.py a finished training, read from its folder
teachers.py networks that others learn from: of the zoo, or finished trainings
"""

from sis_edge.zoo.entry import FOLDER, ZooEntry, entries, find, graph, load

__all__ = ["FOLDER", "ZooEntry", "entries", "find", "graph", "load"]
