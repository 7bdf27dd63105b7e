"""Form a network, train it, export it."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from sis_edge.bundles.sparse_form import Parity
from sis_edge.errors import UsageError, unknown
from sis_edge.files.paths import AnyPath
from sis_edge.formation import PRESETS, Formation, SynapticGraph, preset
from sis_edge.formation import form as draw
from sis_edge.formation.distributions.weighted import Theta, registered, source_sha256
from sis_edge.formation.theta import with_theta
from sis_edge.front.arguments import names_arguments
from sis_edge.networks.files import DescribedNetwork
from sis_edge.networks.find import FILE_ENDS, find
from sis_edge.networks.report import ModuleReport
from sis_edge.registries import NETWORKS
from sis_edge.spec import NetworkSpec, checked
from sis_edge.training.from_module import from_module
from sis_edge.training.trained import TrainedNetwork

if TYPE_CHECKING:
    from torch import nn

    from sis_edge.datasets import Dataset, OwnData
    from sis_edge.models import SisNet
    from sis_edge.training.train import Progress

PARITY_IMAGES = 256


@names_arguments
def form(
    name: "AnyPath | NetworkSpec | nn.Module | None" = None,
    *,
    t_c: float | None = None,
    t_p: float | None = None,
    seed: int = 0,
    conv: str = "kernel",
    micro: str = "neuron",
    block: int = 8,
    theta: str | Theta | Mapping[str, NDArray[Any]] = "uniform",
    classes: int | None = None,
    side: int | None = None,
    input_shape: Sequence[int] | None = None,
) -> SynapticGraph:
    """Decide from a seed which neurons and synapses of a network exist, before any training.

    `name` is a network of the paper, at its exact count of synapses; or one of any other kind, of which `t_c` and
    `t_p` are the densities of the convolutional layers and of the 1 x 1 and linear ones, in (0, 1]: a name, such as
    resnet20, or a TOML file, a `NetworkSpec`, or a `torch.nn.Module` for images of `input_shape`, (channels, side,
    side), see `read_module`. None is Network in Network. `classes` and `side` are for networks by name. `conv` and
    `micro` are granularities. `theta` is the distribution that synapses are drawn by: a name; a function of one's own
    from the shape of a layer's units that may exist (filters or blocks, inputs[, kernel, kernel]) to a likelihood for
    each, whose name and source's SHA-256 the graph records; or an array of likelihoods for each layer, by name, kernels
    [filters, inputs] or synapses [filters, inputs, kernel, kernel] (equal in layers that are left out). Whole neurons
    and N:M are drawn uniformly. The same seed gives the same graph.

    Raises UsageError for unknown names, for layers that do not fit or cannot be formed, for densities out of range, and
    where a layer would have no path left.

    >>> import sis_edge
    >>> sis_edge.form("cifar10-sis1").synapse_count
    353650
    >>> sis_edge.form(t_c=0.25, t_p=0.5, seed=7).architectural_efficiency > 4
    True
    >>> sis_edge.form("resnet20", classes=100).spec.classes
    100
    """
    if isinstance(name, os.PathLike):
        name = os.fspath(name)
    is_preset = isinstance(name, str) and name in PRESETS
    if is_preset and (t_c is not None or t_p is not None):
        raise UsageError(f"{name} has its own t_c and t_p; give either a name, or t_c and t_p")
    if name is None and t_c is None and t_p is None:
        raise UsageError("form needs a network, such as cifar10-sis1 or resnet20, or t_c and t_p")
    if is_preset:
        formation = preset(str(name)).formation(seed)
    else:
        formation = Formation(t_c=1 if t_c is None else t_c, t_p=1 if t_p is None else t_p, seed=seed)
    described = _described("nin" if name is None or is_preset else name, classes, side, input_shape)
    units = described.formation(replace(formation, conv=conv, micro=micro, block=block))
    if isinstance(theta, Mapping):
        return draw(described.spec, with_theta(described.spec, units, theta))
    law, sha256 = registered(theta), source_sha256(theta)
    return draw(described.spec, replace(units, distribution=law, distribution_sha256=sha256))


def _described(
    network: "str | NetworkSpec | nn.Module", classes: int | None, side: int | None, input_shape: Sequence[int] | None
) -> DescribedNetwork:
    """The network, dense; raises UsageError for what does not fit it."""
    is_module = not isinstance(network, str | NetworkSpec)
    if input_shape is not None and not is_module:
        raise UsageError("input_shape is for a torch module; a network by name takes classes and side")
    if isinstance(network, str):
        if network.endswith(".npz"):
            raise UsageError(f"{network} is a file of arrays, not a network; SynapticGraph.load reads a graph file")
        if network not in NETWORKS and not network.endswith(FILE_ENDS):
            raise unknown("network", network, dict.fromkeys([*PRESETS, *NETWORKS]))
        return find(network, classes, side)
    if classes is not None or side is not None:
        raise UsageError("classes and side are for networks by name; this one has its own")
    if isinstance(network, NetworkSpec):
        return DescribedNetwork(checked(network), {})
    return DescribedNetwork(read_module(network, (3, 32, 32) if input_shape is None else input_shape).formed, {})


def read_module(module: "nn.Module", input_shape: Sequence[int] = (3, 32, 32)) -> ModuleReport:
    """What of a `torch.nn.Module` can be formed, step by step, and which not and why: a report that prints as a table.

    The module's forward is read by torch.fx, for images of `input_shape`, (channels, side, side). Raises UsageError for
    what is not a module, for control flow by the values of a tensor, and for images that the module does not take.

    >>> import sis_edge
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    >>> [step.name for step in sis_edge.read_module(net).steps if step.why_not is None]
    ['0']
    """
    import torch

    from sis_edge.networks.torch_module import read

    if not isinstance(module, torch.nn.Module):
        raise UsageError(
            f"a {type(module).__name__} is not a network; give a name, a TOML file, a NetworkSpec or a torch.nn.Module"
        )
    return read(module, input_shape)


@names_arguments
def train(
    graph: SynapticGraph,
    dataset: "AnyPath | Dataset | OwnData" = "digits",
    *,
    start: "nn.Module | None" = None,
    epochs: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    precision: Literal["bf16", "fp32"] | None = None,
    recipe: str | None = None,
    teacher: AnyPath | None = None,
    folder: AnyPath | None = None,
    data_dir: AnyPath | None = None,
    progress: "Progress | None" = None,
) -> TrainedNetwork:
    """Train the synapses that exist, by the data set's recipe; the others are 0 from the start and stay so.

    `dataset` is a name, the path of images of one's own (a folder or an .npz file), an `OwnData` of them with more
    settings, or a `Dataset` in memory. `epochs` and `precision` of None are the recipe's and the fastest
    here; `limit` trains on the first images only. `recipe` are changes of the data set's recipe, such as
    "cutout=8,ema_decay=0.999"; `teacher` is a network of the zoo by its name, or the folder of a finished training,
    whose outputs are learned too. With `folder` an interrupted training resumes from its last epoch,
    and a finished one is not done again. `progress` is called with steps done, all steps and the loss.

    `start` is a torch module that the graph was formed of: training starts with its weights where their synapses exist,
    and epochs=0 leaves them as they are. It gets images that are normalised by the data set's mean and standard
    deviation; `Dataset.normalised_by` makes these the module's own.

    Raises UsageError for unknown names, for a graph with other outputs than the data has classes, and for a module that
    the graph was not formed of; DatasetError where the data cannot be had.

    >>> import sis_edge
    >>> graph = sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron")
    >>> trained = sis_edge.train(graph, "digits", epochs=1, limit=64)
    >>> trained.epochs, trained.train_images
    (1, 64)
    """
    from sis_edge.training import default_recipe, stage
    from sis_edge.training.changes import changed
    from sis_edge.training.evaluate import accuracy
    from sis_edge.training.precision import fastest_precision
    from sis_edge.zoo import teachers

    data = _images_for(graph, dataset, data_dir)
    first = None if start is None else TrainedNetwork.of(graph, from_module(graph, start), data, "weights as given")
    if epochs == 0:
        if first is None:
            raise UsageError("epochs=0 trains nothing; give a module with weights as start, or train 1 epoch or more")
        return first
    images = data.train if limit is None else data.train.first(limit)
    usual = default_recipe(
        data.name, flip=data.flip, precision=precision or fastest_precision(), epochs=epochs, size=data.size
    )
    settings = changed(usual, recipe, teacher=os.fspath(teacher or "")).fitting([graph.spec])
    settings, taught_by = teachers.settled(settings, data)

    def measure(network: "SisNet") -> Mapping[str, Any]:
        return {"host_accuracy": accuracy(network, data, data.test), "host_test_images": len(data.test)}

    with ExitStack() as stack:
        root = Path(folder) if folder else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sis-edge-")))
        outcome = stage.run(
            root,
            graph,
            data,
            images,
            settings,
            seed=seed,
            measure=measure,
            progress=progress,
            start=first,
            teacher=taught_by,
        )
        return TrainedNetwork(
            *stage.read(outcome.folder),
            data,
            outcome.summary["host_accuracy"],
            outcome.summary["host_test_images"],
            recipe=settings.describe() + ("" if first is None else ", from weights that were given"),
            epochs=settings.epochs,
            seed=seed,
            precision=settings.precision,
            train_images=len(images),
        )


@dataclass(frozen=True, repr=False)
class ExportedNetwork:
    """An ONNX file, and how it agrees with PyTorch on real test images."""

    path: Path
    parity: Parity

    def __repr__(self) -> str:
        return (
            f"{self.path}: {self.parity.top1_agreement:.2%} of {self.parity.images:,} images in the same class as "
            f"PyTorch, logits differ by {self.parity.max_abs_difference:.1e} at most"
        )


@names_arguments
def load_network(
    name_or_folder: AnyPath, *, dataset: "AnyPath | Dataset | OwnData | None" = None, data_dir: AnyPath | None = None
) -> TrainedNetwork:
    """A network that is trained already: of the zoo by its name, or the folder that `TrainedNetwork.save` wrote.

    A finished training's folder (`build/.stages/train-*`, or in `train`'s `folder`) does too, with `dataset`, which it
    was trained on. Else `dataset` of None is the one that is recorded, by its name; of the zoo's networks only the
    images that come with sis-edge are loaded, the first test images among them. Accuracy and training are those that
    were recorded.

    Raises UsageError for what is neither, and where the data set is another one than the network was trained on;
    DatasetError where it cannot be had; RecordError for a damaged network.

    >>> import sis_edge
    >>> network = sis_edge.load_network("svhn-sis3")
    >>> network.graph.synapse_count, network.dataset.name, network.accuracy
    (82288, 'cifar10', 0.8879)
    """
    from sis_edge.front import loading

    given = None if dataset is None else _dataset(dataset, data_dir)
    return loading.load(os.fspath(name_or_folder), given, lambda name: _dataset(name, data_dir))


def export(network: TrainedNetwork, path: AnyPath) -> ExportedNetwork:
    """Write a trained network as ONNX, dead neurons gone and normalisation folded away, and check it against PyTorch.

    The input is float32 [batch, 3, s, s], normalised by the data set's mean and standard deviation. Raises ExportError
    where ONNX Runtime does not give PyTorch's logits, DiskError where the file cannot be written.

    >>> import sis_edge, tempfile
    >>> network = sis_edge.train(sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron"), epochs=1, limit=64)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     exported = sis_edge.export(network, f"{folder}/small.onnx")
    >>> exported.parity.top1_agreement
    1.0
    """
    import numpy as np
    import torch

    from sis_edge.exporting import onnx_file, parity
    from sis_edge.exporting.compact import fold
    from sis_edge.files.disk import writing
    from sis_edge.training.batches import normalise
    from sis_edge.training.evaluate import logits

    if not isinstance(network, TrainedNetwork):
        raise UsageError(f"export takes a trained network, not a {type(network).__name__}; sis_edge.train makes one")
    path = Path(path)
    images = network.dataset.test.first(PARITY_IMAGES)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx_file.save(onnx_file.to_onnx(fold(network.module), path.stem), path)
    inputs = normalise(torch.from_numpy(np.array(images.images)), network.dataset).numpy()
    result = parity.check(path, inputs, logits(network.module, network.dataset, images).numpy())
    return ExportedNetwork(
        path,
        Parity(
            images=result.images,
            max_abs_difference=result.max_abs_difference,
            top1_agreement=result.top1_agreement,
        ),
    )


def _images_for(graph: SynapticGraph, dataset: "AnyPath | Dataset | OwnData", data_dir: AnyPath | None) -> "Dataset":
    """The data set to train a graph on; raises UsageError for what is no graph, and for one with other outputs."""
    if not isinstance(graph, SynapticGraph):
        raise UsageError(f"train takes a graph, not a {type(graph).__name__}; form makes one: train(form('nin'))")
    data = _dataset(dataset, data_dir)
    if graph.spec.classes != len(data.classes):
        raise UsageError(f"the network has {graph.spec.classes} outputs, {data.name} has {len(data.classes)} classes")
    return data


def _dataset(dataset: "AnyPath | Dataset | OwnData", data_dir: AnyPath | None) -> "Dataset":
    """By its name in the registry; another text that a file or folder has is the path of a user's own images."""
    from sis_edge import datasets
    from sis_edge.registries import DATASETS

    if isinstance(dataset, datasets.OwnData):
        return dataset.load(progress=False)
    if not isinstance(dataset, str | os.PathLike):
        return dataset
    if isinstance(dataset, os.PathLike) or (dataset not in DATASETS and Path(dataset).exists()):
        return datasets.OwnData(Path(dataset)).load(progress=False)
    return datasets.load(dataset, data_dir=data_dir, progress=False)
