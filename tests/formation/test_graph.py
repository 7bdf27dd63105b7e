"""A graph as a file: saved, loaded, compared, damaged."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sis_edge.errors import DiskError, UsageError
from sis_edge.formation import Formation, SynapticGraph, form, preset
from sis_edge.spec import nin


@pytest.fixture(scope="module")
def graph() -> SynapticGraph:
    return form(nin(), preset("svhn-sis3").formation(4))


@pytest.fixture
def file(graph: SynapticGraph, tmp_path: Path) -> Path:
    graph.save(tmp_path / "graph.npz")
    return tmp_path / "graph.npz"


def test_a_graph_comes_back_as_it_was(graph: SynapticGraph, file: Path) -> None:
    back = SynapticGraph.load(file)
    assert (back.digest(), back.spec, back.formation) == (graph.digest(), graph.spec, graph.formation)
    for one, two in zip(graph.layers, back.layers, strict=True):
        assert np.array_equal(one.neurons, two.neurons)
        assert np.array_equal(one.synapses, two.synapses)


def test_a_path_may_be_text(graph: SynapticGraph, tmp_path: Path) -> None:
    """As everywhere in the front door for Python."""
    file, masks = f"{tmp_path}/graph.npz", f"{tmp_path}/masks.npz"
    graph.save(file)
    graph.save_masks(masks)
    for back in (SynapticGraph.load(file), SynapticGraph.load_masks(masks, graph.spec)):
        assert back.digest() == graph.digest()


def test_the_same_graph_gives_the_same_bytes(graph: SynapticGraph, file: Path, tmp_path: Path) -> None:
    SynapticGraph.load(file).save(tmp_path / "deep" / "folder" / "again")
    assert (tmp_path / "deep" / "folder" / "again").read_bytes() == file.read_bytes()


def test_the_digest_is_of_what_exists_whatever_formed_it(graph: SynapticGraph) -> None:
    assert replace(graph, formation=Formation(seed=99)).digest() == graph.digest()
    changed = graph.layers[3].synapses.copy()
    changed[0, 0, 0, 0] ^= True
    layers = (*graph.layers[:3], replace(graph.layers[3], synapses=changed), *graph.layers[4:])
    assert replace(graph, layers=layers).digest() != graph.digest()


def test_differences_are_counted(graph: SynapticGraph) -> None:
    other = form(nin(), preset("svhn-sis3").formation(5))
    rows = graph.difference(other)
    assert [row.layer for row in rows] == [layer.name for layer in nin().layers]
    assert sum(row.shared + row.only_first for row in rows) == graph.synapse_count
    assert sum(row.shared + row.only_second for row in rows) == other.synapse_count
    assert sum(row.only_first for row in rows) > 0
    assert all((row.only_first, row.only_second) == (0, 0) for row in graph.difference(graph))


def test_graphs_of_other_networks_are_not_compared(graph: SynapticGraph) -> None:
    with pytest.raises(UsageError, match="different networks"):
        graph.difference(form(nin(classes=5), Formation()))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no graph file .*none\.npz; `sis-edge form` writes one"):
        SynapticGraph.load(tmp_path / "none.npz")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_changed_byte_is_noticed_or_does_not_matter(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graph = form(nin(), preset("svhn-sis3").formation(4))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    graph.save(path)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        loaded = SynapticGraph.load(path)
    except UsageError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert loaded.digest() == graph.digest()


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_cut_is_noticed(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.npz"
    form(nin(), preset("svhn-sis3").formation(4)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(UsageError, match=r"cut\.npz is not a readable graph file"):
        SynapticGraph.load(path)


def rewrite(file: Path, **changes: object) -> None:
    """Change fields of the header, leaving the bits."""
    with np.load(file) as arrays:
        parts = dict(arrays)
    header = json.loads(bytes(parts["header"]))
    for key, value in changes.items():
        header[key] = value
    parts["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(file, **parts)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": 2}, "has graph format 2, this sis-edge reads 1"),
        ({"digest": "0" * 64}, "do not match its digest"),
        ({"network": "text"}, "not a readable graph file"),
        ({"network": {"layers": [{"name": "C1"}]}}, "not a readable graph file"),
        ({"formation": {"t_c": 7}}, "t_c = 7 is not a density"),
        ({"formation": {"colour": 7}}, "not a readable graph file"),
    ],
)
def test_wrong_headers(file: Path, changes: dict[str, object], sentence: str) -> None:
    rewrite(file, **changes)
    with pytest.raises(UsageError, match=sentence):
        SynapticGraph.load(file)


def test_other_files_are_no_graphs(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("array.npy", "pickle.npy", "text.npz", "empty.npz", "."):
        with pytest.raises(UsageError, match="not a readable graph file"):
            SynapticGraph.load(tmp_path / name)


def test_a_graph_that_cannot_be_written(graph: SynapticGraph, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "graph.npz", tmp_path / f"{'n' * 300}.npz"):
        with pytest.raises(DiskError, match="cannot write"):
            graph.save(path)


def test_formation_needs_numpy_only() -> None:
    code = (
        "import sys; from sis_edge.formation import form, preset; from sis_edge.spec import nin\n"
        "form(nin(), preset('cifar10-sis1').formation())\n"
        "print(sorted({'torch', 'onnx', 'lightning', 'sklearn', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("text", "it is not an .npz file, or is cut short"),
        ("npy", "it is not an .npz file"),
        ("npz", "it lacks header"),
    ],
)
def test_a_file_that_is_not_a_graph_is_named_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / "mine.npz"
    if name == "text":
        path.write_text("0.25")
    else:
        with path.open("wb") as file:
            np.save(file, np.zeros(3)) if name == "npy" else np.savez(file, weights=np.zeros(3))
    with pytest.raises(UsageError, match=r"mine\.npz is not a readable graph file \(") as raised:
        SynapticGraph.load(path)
    assert reason in str(raised.value)
    assert str(raised.value).endswith("; `sis-edge form` writes one")
