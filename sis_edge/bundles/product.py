"""The files that a product needs of a bundle's network, in a folder of their own, with sample clients.

model.onnx              the network in float32, for any ONNX Runtime from 1.10 on
sparse.onnx, *.so       with native kernels and their library, where the bundle has them
preprocessing.json      how a uint8 image becomes its input; network.h says the same to client.c
labels.txt              the classes' names, one a line, where the bundle knows them
client.py, client.c     samples; ort_api.h is what client.c needs of ONNX Runtime's header
"""

import json
import shutil
from pathlib import Path

import numpy as np

from sis_agent.schema import Preprocess
from sis_edge.bundles.manifest import NetworkEntry
from sis_edge.bundles.verify import Bundle, verify
from sis_edge.errors import UsageError, unknown
from sis_edge.files.disk import writing

CLIENTS = Path(__file__).parent / "clients"


def export_product(bundle: Bundle, folder: Path, network: str | None = None) -> list[Path]:
    """Write the files for a network (None: the one with the fewest synapses) and return them.

    Raises UsageError for an unknown network and for a folder that holds something, BundleError for a damaged bundle.
    """
    known = [entry.name for entry in bundle.manifest.networks]
    how, images = bundle.manifest.preprocess, bundle.manifest.golden_inputs
    if not known or how is None or images is None:
        raise UsageError(
            f"the bundle {bundle.manifest.name} holds networks of your own only; their files are yours already"
        )
    if network is not None and network not in known:
        raise unknown("network in this bundle", network, known)
    entry = min(
        (entry for entry in bundle.manifest.networks if network in (None, entry.name)), key=lambda one: one.synapses
    )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} holds something already; name an empty or a new folder")
    verify(bundle.path)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path / entry.model, folder / "model.onnx")
        if entry.sparse and (native := entry.sparse.network):
            shutil.copyfile(bundle.path / native.model, folder / "sparse.onnx")
            shutil.copyfile(bundle.path / native.library, folder / Path(native.library).name)
        shape = np.load(bundle.path / images, mmap_mode="r").shape[1:]
        (folder / "preprocessing.json").write_text(_preprocessing(how, shape), encoding="utf-8")
        (folder / "network.h").write_text(_header(how, shape), encoding="utf-8")
        if bundle.manifest.classes:
            names = "".join(f"{name}\n" for name in bundle.manifest.classes)
            (folder / "labels.txt").write_text(names, encoding="utf-8")
        for source in CLIENTS.iterdir():
            shutil.copyfile(source, folder / source.name.removesuffix(".in"))
        (folder / "README.md").write_text(_readme(bundle, entry), encoding="utf-8")
    return sorted(folder.iterdir())


def _preprocessing(how: Preprocess, shape: tuple[int, ...]) -> str:
    document = {
        "shape": shape,
        "resize": how.resize and how.resize._asdict(),
        "formula": "(pixel / 255 - mean) / std",
        "mean": how.mean,
        "std": how.std,
    }
    return json.dumps(document, indent=2) + "\n"


def _header(how: Preprocess, shape: tuple[int, ...]) -> str:
    """The same for C; `SHAPE` is how an .npy has the shape behind the number of images."""
    sides = "".join(
        f"#define {name} {side}\n" for name, side in zip(("CHANNELS", "HEIGHT", "WIDTH"), shape, strict=True)
    )
    numbers = (
        (name, ", ".join(f"{float(value)!r}f" for value in values))
        for name, values in (("MEAN", how.mean), ("STD", how.std))
    )
    tables = "".join(f"static const float {name}[] = {{{values}}};\n" for name, values in numbers)
    return f'{sides}#define SHAPE ", {", ".join(map(str, shape))})"\n{tables}'


def _readme(bundle: Bundle, entry: NetworkEntry) -> str:
    native = ""
    if entry.sparse and entry.sparse.network:
        library = Path(entry.sparse.network.library).name
        native = f"\n`sparse.onnx` needs `{library}`, which both clients take as their third argument.\n"
    return (
        f"# {entry.name}\n\nFrom bundle {bundle.id}, data set {bundle.manifest.dataset}. Input `input`: float32 "
        "[N, channels, height, width], normalised as `preprocessing.json` says; output `logits`: float32 [N, classes]."
        "\n"
        f"{native}\n    python client.py model.onnx images.npy\n    cc client.c -o client -lonnxruntime\n"
        "    ./client model.onnx images.npy\n"
    )
