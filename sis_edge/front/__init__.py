"""The front door for programs: what `import sis_edge` offers, one file for each thing that one does.

networks.py   form a graph, train it, load a trained one, export it
loading.py    where trained networks are read from
bundles.py    networks into a bundle
given.py      models of the user's own into a bundle
measuring.py  measure a bundle on a board
runs.py       stored runs as objects: rows, speed-ups, verdict, reports; comparing them
frames.py     runs as data frames
charts.py     a run's charts for a notebook, and as SVG or PDF
"""

from sis_edge.bundles.verify import Bundle
from sis_edge.formation import SynapticGraph
from sis_edge.front.bundles import bundle
from sis_edge.front.given import bundle_onnx
from sis_edge.front.measuring import measure
from sis_edge.front.networks import ExportedNetwork, export, form, load_network, read_module, train
from sis_edge.front.runs import Comparison, Run, Runs, compare, load_runs
from sis_edge.networks.report import ModuleReport
from sis_edge.spec import NetworkSpec
from sis_edge.training.from_module import from_module
from sis_edge.training.trained import TrainedNetwork

__all__ = [
    "Bundle",
    "Comparison",
    "ExportedNetwork",
    "ModuleReport",
    "NetworkSpec",
    "Run",
    "Runs",
    "SynapticGraph",
    "TrainedNetwork",
    "bundle",
    "bundle_onnx",
    "compare",
    "export",
    "form",
    "from_module",
    "load_network",
    "load_runs",
    "measure",
    "read_module",
    "train",
]
