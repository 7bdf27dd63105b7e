"""sis-edge: measure what sparse (SiS) networks gain over dense NiN on your board.

The command line is `sis-edge`; programs use these functions, which are loaded when they are first used:

    graph = sis_edge.form("cifar10-sis1")            which neurons and synapses exist, from a seed
    graph = sis_edge.form(module, t_c=0.25)          the same of a torch.nn.Module, or of resnet20 by name
    network = sis_edge.from_module(graph, module)    what is formed of a module, with the module's weights
    network = sis_edge.train(graph, "cifar10")       weights of the existing synapses only
    network = sis_edge.load_network("cifar10-sis1")  a trained one: the zoo's, or a folder of `network.save`
    sis_edge.export(network, "sis1.onnx")            ONNX, checked against PyTorch
    bundle = sis_edge.bundle({"sis1": network})      everything that a board needs
    bundle = sis_edge.bundle_onnx(["a.onnx"])        the same of models of one's own, ONNX or TFLite
    runs = sis_edge.measure(bundle, "pi5.local")     latency, energy, memory and accuracy, measured and stored
    runs = sis_edge.load_runs("runs")                stored runs, of this version or an older one
    sis_edge.compare(runs)                           against the dense network, with intervals and a verdict
    sis_edge.compare(a, b).differences()             one run against another; .explain() ranks what differs
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

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

if TYPE_CHECKING:
    from sis_edge.front import (
        Bundle,
        Comparison,
        ExportedNetwork,
        ModuleReport,
        NetworkSpec,
        Run,
        Runs,
        SynapticGraph,
        TrainedNetwork,
        bundle,
        bundle_onnx,
        compare,
        export,
        form,
        from_module,
        load_network,
        load_runs,
        measure,
        read_module,
        train,
    )


def __getattr__(name: str) -> Any:
    """Load what the front door offers when it is first used, so that `import sis_edge` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'sis_edge' has no attribute {name!r}")
    from sis_edge import front

    value = globals()[name] = getattr(front, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
