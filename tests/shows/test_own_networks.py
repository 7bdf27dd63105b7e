"""Networks beside the paper's on photographs and on a folder of PNGs: built, measured over SSH, asked, and exported."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from clients import c_client, logits, python_client
from command import sis_edge_here
from numpy.typing import NDArray
from PIL import Image
from sshd import Server

from sis_agent.schema import Resize
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.bundles.verify import Bundle, verify
from sis_edge.datasets import load
from sis_edge.datasets.own.decode import decode
from sis_edge.exporting.parity import TOLERANCE, run_onnx
from sis_edge.files.cache import cache_root
from sis_edge.formation import SynapticGraph
from sis_edge.formation.compaction import compact
from sis_edge.training import stage

pytestmark = pytest.mark.slow

TRAIN, TEST = 256, 64
SHORT = {"rounds": 5, "min_inferences": 20, "min_time_s": 0.5, "memory_repeats": 1, "sampler_pairs": 2, "processes": 1}

PROFILE = (Path(__file__).parents[2] / "profiles" / "local.toml").read_text(encoding="utf-8")


def profile(folder: Path) -> str:
    """This machine's profile with a measurement of a few seconds: its numbers are checked, not its speed."""
    text = PROFILE.replace('name = "local"', 'name = "short"').replace("[measuring]", "[measuring]\n" + toml(SHORT))
    path = folder / "short.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def toml(values: dict[str, Any]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in values.items())


def images_of_clothes(folder: Path) -> None:
    """PNGs of Fashion-MNIST, 28 x 28 and grey, in a folder for each class."""
    data = load("fashion_mnist", progress=False)
    for part, images, count in (("train", data.train, TRAIN), ("test", data.test, TEST)):
        for number in range(count):
            path = folder / part / data.classes[images.labels[number]].replace("/", "-") / f"{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images.images[number, 0, 2:-2, 2:-2]).save(path)


def inputs_of(bundle: Bundle, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images as the networks take them, by the manifest's own words."""
    how = bundle.manifest.preprocess
    assert how is not None
    mean, std = (np.array(part, np.float32).reshape(1, 3, 1, 1) for part in (how.mean, how.std))
    return (images.astype(np.float32) / np.float32(255) - mean) / std


def by_pytorch(bundle: Bundle, entry: NetworkEntry, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of the network with the weights that the build trained."""
    graph = SynapticGraph.load(bundle.path / entry.graph)
    for folder in (bundle.path.parent / ".stages").glob("train-*"):
        if SynapticGraph.load(folder / "graph.npz").digest() == graph.digest():
            with torch.inference_mode():
                logits: NDArray[np.float32] = stage.load(graph, folder)(torch.from_numpy(inputs)).numpy()
            return logits
    raise AssertionError(f"no weights of {entry.name}")


def check_files(bundle: Bundle) -> list[str]:
    """The forms of the networks, each checked against PyTorch on the bundle's test images."""
    forms = []
    images, labels = (
        np.load(bundle.path / name) for name in (bundle.manifest.test_images, bundle.manifest.test_labels)
    )
    inputs = inputs_of(bundle, images)
    for entry in bundle.manifest.networks:
        expected = by_pytorch(bundle, entry, inputs)
        plain = run_onnx(bundle.path / entry.model, inputs)
        assert np.abs(plain - expected).max() < TOLERANCE
        if entry.training.host_test_images == len(labels):
            assert (plain.argmax(1) == labels).mean() == pytest.approx(
                entry.training.host_accuracy, abs=1.5 / len(labels)
            )
        weights = {part.name: tuple(part.dims) for part in onnx.load(bundle.path / entry.model).graph.initializer}
        for plan in compact(SynapticGraph.load(bundle.path / entry.graph)):
            assert weights[f"{plan.spec.name}.weight"] == plan.spec.weight_shape
        forms.append(entry.name)
        if entry.sparse and (native := entry.sparse.network):
            sparse = run_onnx(bundle.path / native.model, inputs, library=bundle.path / native.library)
            assert np.abs(sparse - expected).max() < TOLERANCE
            forms.append(f"{entry.name} (native kernels)")
    return forms


def check_record(bundle: Bundle, folder: Path, forms: list[str]) -> None:
    """What the board measured: every form, with the accuracy that it has here, and speed-ups over the dense network."""
    (stored,) = (folder / "runs").glob("*.json.gz")
    record = json.loads(gzip.decompress(stored.read_bytes()))["record"]
    assert [network["name"] for network in record["networks"]] == forms
    images, labels = (
        np.load(bundle.path / name) for name in (bundle.manifest.test_images, bundle.manifest.test_labels)
    )
    inputs = inputs_of(bundle, images)
    models = {entry.name: entry.model for entry in bundle.manifest.networks}
    for network in record["networks"]:
        here = run_onnx(bundle.path / models[network["name"].removesuffix(" (native kernels)")], inputs).argmax(1)
        # An image whose two best logits agree to rounding may fall either way.
        assert abs(network["accuracy"]["correct"] - int((here == labels).sum())) <= 1
        assert network["golden"]["passed"]
        assert len(network["rounds"]) >= SHORT["rounds"]


def check_clients(bundle: Bundle, folder: Path, images: NDArray[np.uint8], native: bool) -> NDArray[np.float64]:
    """The logits of these images by the exported files: the same by both clients, in both forms."""
    product = folder / "product"
    done = sis_edge_here("export", str(bundle.path), "--to", str(product), cwd=folder)
    assert done.returncode == 0, done.stderr
    np.save(product / "images.npy", images)
    client = c_client(product)
    forms = [(product / "model.onnx", product / "images.npy")]
    if native:
        forms.append((product / "sparse.onnx", product / "images.npy", product / "libsis_edge.so"))
    for words in forms:
        by_python = logits(*python_client(product), *words)
        # The client in C takes one image at a time, and sums come in another order.
        assert logits(client, *words) == pytest.approx(by_python, rel=1e-5, abs=1e-5)
    plain: NDArray[np.float64] = logits(client, *forms[0])
    assert by_python == pytest.approx(plain, abs=TOLERANCE)
    return plain


def check_use(bundle: Bundle, folder: Path, paths: list[Path], ssh: list[str], at_home: dict[str, str]) -> None:
    """Images on the board, by the Python client and by the C client: the same classes and logits."""
    words = ["run", "--json", *ssh, "--bundle", str(bundle.path), *map(str, paths)]
    asked = sis_edge_here(*words, cwd=folder, **at_home)
    assert asked.returncode == 0, asked.stderr
    answers = json.loads(asked.stdout)["images"]
    how = bundle.manifest.preprocess
    assert how is not None
    size = np.load(bundle.path / bundle.manifest.test_images).shape[2:]
    images = np.stack([decode(path, how.resize or Resize(*size)) for path in paths])
    sparse = bundle.manifest.networks[1].sparse
    native = sparse is not None and sparse.network is not None
    labels = bundle.manifest.classes or ()
    by_client = check_clients(bundle, folder, images, native)
    assert (folder / "product" / "labels.txt").read_text(encoding="utf-8").splitlines() == list(labels)
    for answer, path, scores in zip(answers, paths, by_client, strict=True):
        best = answer["classes"][0]
        shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        assert answer["path"] == str(path)
        assert best["label"] == labels[int(scores.argmax())]
        assert best["probability"] == pytest.approx(shares.max(), abs=1e-3)


def show(folder: Path, server: Server, name: str, data: list[str], paths: list[Path]) -> Bundle:
    """The whole way of one network: `build`, `deploy`, `run` and `export`."""
    short = ["--profile", profile(folder), "--epochs", "1", "--limit", str(TRAIN), "--test-images", str(TEST)]
    built = sis_edge_here("build", "--network", name, *short, *data, "--name", "own", cwd=folder)
    assert built.returncode == 0, built.stderr
    bundle = verify(folder / "build" / "own")
    dense, sparse = bundle.manifest.networks
    assert bundle.manifest.reference == dense.name == name
    assert 3.5 < dense.synapses / sparse.synapses < 4.5
    forms = check_files(bundle)
    ssh = ["--host", "127.0.0.1", "--port", str(server.port)]
    ssh += ["--identity", str(server.identity), "--known-hosts", str(server.known_hosts)]
    ssh += ["--profile", str(folder / "short.toml")]
    # Another home has its own cache; by this one the machine knows what it compiled.
    at_home = {"HOME": str(server.client), "SIS_EDGE_CACHE": str(cache_root())}
    deployed = sis_edge_here("deploy", *ssh, "--bundle", str(bundle.path), cwd=folder, **at_home)
    assert deployed.returncode == 0, deployed.stderr
    check_record(bundle, folder, forms)
    check_use(bundle, folder, paths, ssh, at_home)
    return bundle


def test_resnet20_on_images_of_cifar10(tmp_path: Path, server: Server) -> None:
    data = load("cifar10", progress=False)
    parts = {"train": data.train.first(TRAIN), "test": data.test.first(TEST)}
    arrays = {f"x_{part}": images.images.transpose(0, 2, 3, 1) for part, images in parts.items()}
    labels = {f"y_{part}": np.array(data.classes)[images.labels] for part, images in parts.items()}
    np.savez(tmp_path / "photographs.npz", **arrays, **labels)
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"photograph {number}.png")
        Image.fromarray(arrays["x_test"][number]).save(paths[-1])
    bundle = show(tmp_path, server, "resnet20", ["--data", "photographs.npz", "--flip"], paths)
    assert bundle.manifest.classes == data.classes
    sparse = bundle.manifest.networks[1]
    assert sparse.sparse is not None
    assert sparse.sparse.network is not None, "kernels that do not exist are left out natively"


def test_mobilenet_small_on_a_folder_of_pngs(tmp_path: Path, server: Server) -> None:
    images_of_clothes(tmp_path / "clothes")
    paths = sorted((tmp_path / "clothes" / "test").glob("*/*.png"))[:3]
    data = ["--data", str(tmp_path / "clothes"), "--resize", "64"]
    bundle = show(tmp_path, server, "mobilenet-small", data, paths)
    assert len(bundle.manifest.classes or ()) == 10
    assert np.load(bundle.path / bundle.manifest.test_images).shape == (TEST, 3, 64, 64)
    dense, sparse = (onnx.load(bundle.path / entry.model).graph.initializer for entry in bundle.manifest.networks)
    assert sum(part.dims[0] for part in sparse) < 0.6 * sum(part.dims[0] for part in dense), "dead neurons are cut"
