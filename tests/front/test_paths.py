"""Every public function that takes a path takes a text, and any path object."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, save

import sis_edge
from sis_edge import datasets
from sis_edge.errors import UsageError
from sis_edge.front.charts import RunChart


@dataclass(frozen=True)
class Place:
    """A path object that is neither a text nor a `Path`."""

    text: str

    def __fspath__(self) -> str:
        return self.text


def of_text(path: Path) -> str:
    return str(path)


def of_place(path: Path) -> Place:
    return Place(str(path))


KINDS = pytest.mark.parametrize("given", [of_text, Path, of_place])


def parameters() -> Iterator[tuple[str, str]]:
    """Each parameter of what `import sis_edge` and `sis_edge.datasets` offer for programs, with its type as text."""
    found: dict[str, Any] = {"datasets.load": datasets.load, "datasets.class_count": datasets.class_count}
    for name, thing in {**{name: getattr(sis_edge, name) for name in sis_edge.__all__}, "RunChart": RunChart}.items():
        if not inspect.isclass(thing):
            found[name] = thing
            continue
        for each, member in inspect.getmembers(thing, callable):
            if not each.startswith("_"):
                found[f"{name}.{each}"] = getattr(member, "__func__", member)
    for name, function in found.items():
        for parameter in inspect.signature(function).parameters.values():
            kind = parameter.annotation
            text = kind if isinstance(kind, str) else inspect.formatannotation(kind)
            yield f"{name}({parameter.name})", text.replace("AnyPath", "str | os.PathLike[str]")


def test_what_takes_a_path_takes_a_text_and_any_path_object() -> None:
    every = dict(parameters())
    paths = {name for name, kind in every.items() if "str | os.PathLike[str]" in kind}
    assert {"load_runs(folder)", "TrainedNetwork.save(folder)", "measure(identity)", "RunChart.save(path)"} <= paths
    assert {name: kind for name, kind in every.items() if re.search(r"\bPath\b", kind)} == {}


@KINDS
def test_graphs_and_networks_are_saved_and_read(given: Callable[[Path], Any], tmp_path: Path) -> None:
    graph = sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron")
    graph.save(given(tmp_path / "graph.npz"))
    assert sis_edge.SynapticGraph.load(given(tmp_path / "graph.npz")).digest() == graph.digest()
    graph.save_masks(given(tmp_path / "masks.npz"))
    assert sis_edge.SynapticGraph.load_masks(given(tmp_path / "masks.npz"), graph.spec).synapse_count
    toml = tmp_path / "tiny.toml"
    toml.write_text(
        'name = "tiny"\nside = 32\n[[layer]]\ntype = "conv"\nfilters = 4\nkernel = 3\n[[layer]]\ntype = "pool"\n'
        'pooling = "global"\n[[layer]]\ntype = "linear"\nfilters = 10\n'
    )
    tiny = sis_edge.form(given(toml), t_c=0.5)
    network = sis_edge.train(tiny, "digits", epochs=1, limit=64, folder=given(tmp_path / "train"))
    network.save(given(tmp_path / "saved"))
    assert sis_edge.load_network(given(tmp_path / "saved")).weights_sha256 == network.weights_sha256
    assert sis_edge.export(network, given(tmp_path / "tiny.onnx")).path == tmp_path / "tiny.onnx"
    bundle = sis_edge.bundle({"tiny": network}, folder=given(tmp_path / "build"), test_images=32)
    with pytest.raises(UsageError, match=r"key file .*key not found"):
        sis_edge.measure(
            given(bundle.path), "board.local", identity=given(tmp_path / "key"), known_hosts=given(tmp_path / "hosts")
        )


@KINDS
def test_models_of_one_s_own_are_bundled(given: Callable[[Path], Any], tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 3]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", ends[:1], ends[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "relu.onnx")
    np.savez(tmp_path / "inputs.npz", x=np.ones((4, 3), np.float32))
    for models in ([given(tmp_path / "relu.onnx")], {"relu": given(tmp_path / "relu.onnx")}):
        made = sis_edge.bundle_onnx(
            models, inputs=given(tmp_path / "inputs.npz"), folder=given(tmp_path / "build"), name="relu"
        )
        assert [each.name for each in made.manifest.given] == ["relu"]
    with pytest.raises(UsageError, match="must be a list of files"):
        sis_edge.bundle_onnx(given(tmp_path / "relu.onnx"))


@KINDS
def test_images_of_one_s_own_are_found(
    given: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "photos.npz", images=images, labels=np.arange(40) % 2)
    graph = sis_edge.form(t_c=0.05, t_p=0.1, conv="neuron", classes=2)
    network = sis_edge.train(graph, given(tmp_path / "photos.npz"), epochs=1)
    assert network.dataset.name == "photos"
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"):
        sis_edge.train(sis_edge.form("nin"), "cifar10", data_dir=given(tmp_path / "nowhere"))
