"""Graphs, entries of the zoo and manifests, damaged or of somebody else's making: the documented error, or the file."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from small import SPEC
from tiny_bundle import tiny_bundle

from sis_edge.bundles import trust
from sis_edge.bundles.manifest import MANIFEST
from sis_edge.bundles.verify import open_bundle, problems
from sis_edge.errors import BundleError, RecordError, UsageError
from sis_edge.formation import SynapticGraph, form, preset
from sis_edge.zoo import entry as zoo
from sis_edge.zoo.drops import drop_from_dense

from .fuzz import fuzzed, odd_bytes, odd_json

ENTRY = json.loads(min(zoo.FOLDER.glob("*.json")).read_text())


def sound_graph() -> dict[str, Any]:
    """The arrays of a graph's file."""
    with tempfile.TemporaryDirectory() as folder:
        form(SPEC, preset("svhn-sis3").formation(4)).save(Path(folder) / "graph.npz")
        with np.load(Path(folder) / "graph.npz") as file:
            return {name: file[name] for name in file.files}


GRAPH = sound_graph()
HEADER = json.loads(bytes(GRAPH["header"]))


def sound_manifest() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return json.loads((tiny_bundle(Path(folder) / "tiny").path / MANIFEST).read_text())


MANIFEST_JSON = sound_manifest()


def is_one_line(error: Exception) -> None:
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)


def with_header(header: str) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{**GRAPH, "header": np.frombuffer(header.encode(), dtype=np.uint8)})
    return buffer.getvalue()


def check_graph(place: Path, data: bytes) -> None:
    path = place / "graph.npz"
    path.write_bytes(data)
    try:
        repr(SynapticGraph.load(path))
    except UsageError as error:
        is_one_line(error)


def check_entry(place: Path, data: bytes) -> None:
    folder = place / "zoo"
    folder.mkdir(exist_ok=True)
    (folder / f"{ENTRY['name']}.json").write_bytes(data)
    try:
        (entry,) = zoo.entries(folder)
        assert drop_from_dense(entry, [entry]).estimate.value is None or entry.preset
        assert entry.file(".npz", folder).parent == folder
        json.dumps([entry.accuracies, entry.paper_accuracy, entry.recipe["epochs"]])
    except RecordError as error:
        is_one_line(error)


def check_manifest(place: Path, data: bytes) -> None:
    folder = place / "bundle"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(data)
    try:
        bundle = open_bundle(folder)
    except BundleError as error:
        is_one_line(error)
        return
    assert problems(bundle)  # it has no files
    trust.programs(bundle)
    assert "\x1b" not in repr(bundle)
    assert all(entry.ceiling > 0 for entry in bundle.manifest.networks)


def test_they_are_sound_to_begin_with(place: Path) -> None:
    check_graph(place, with_header(json.dumps(HEADER)))
    (place / "graph.npz").write_bytes(with_header(json.dumps(HEADER)))
    assert SynapticGraph.load(place / "graph.npz").digest() == HEADER["digest"]
    check_entry(place, json.dumps(ENTRY).encode())
    assert zoo.entries(place / "zoo")[0].name == ENTRY["name"]
    check_manifest(place, json.dumps(MANIFEST_JSON).encode())
    assert open_bundle(place / "bundle").manifest.names == ["dense", "sparse"]


@fuzzed(one_in=10, header=odd_json(HEADER))
def test_headers_of_graphs(place: Path, header: str) -> None:
    check_graph(place, with_header(header))


@fuzzed(one_in=4, data=odd_bytes(with_header(json.dumps(HEADER))))
def test_graphs(place: Path, data: bytes) -> None:
    check_graph(place, data)


@fuzzed(one_in=4, text=odd_json(ENTRY))
def test_entries_of_the_zoo(place: Path, text: str) -> None:
    check_entry(place, text.encode())


@fuzzed(one_in=4, data=odd_bytes(json.dumps(ENTRY).encode()))
def test_damaged_entries_of_the_zoo(place: Path, data: bytes) -> None:
    check_entry(place, data)


@fuzzed(one_in=5, text=odd_json(MANIFEST_JSON))
def test_manifests(place: Path, text: str) -> None:
    check_manifest(place, text.encode())


@fuzzed(one_in=4, data=odd_bytes(json.dumps(MANIFEST_JSON).encode()))
def test_damaged_manifests(place: Path, data: bytes) -> None:
    check_manifest(place, data)
