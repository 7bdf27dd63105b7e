import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from results.factory import NETWORKS, network_entry, stored_run

from report.picture import SPACE, parsed, words
from sis_edge.bundles.sparse_form import LayerChoice, SparseForm
from sis_edge.formation import Formation, form, preset
from sis_edge.networks.architectures import resnet20
from sis_edge.report.charts import charts, graphs, left_out
from sis_edge.report.charts.graphs import MOST_BYTES, shrunk
from sis_edge.report.charts.png import png
from sis_edge.report.document import section
from sis_edge.results.graphs import NOT_AGAIN, graph_of
from sis_edge.spec import nin


def real_entry(name: str, **changes):
    """An entry whose digest is that of the network's own graph."""
    return network_entry(name, graph_sha256=form(nin(), preset(name).formation()).digest(), preset=name, **changes)


def times(dense_s: float | None, native_s: float | None, chosen: str = "native") -> SparseForm:
    choice = {"kernel": 3, "inputs": 96, "filters": 192, "share": 0.25, "block": 1, "why": "as measured"}
    layers = [
        LayerChoice(layer=name, chosen=chosen, dense_s=dense_s, native_s=native_s, **choice) for name in ("C1", "C2")
    ]
    return SparseForm(layers=tuple(layers), basis="calibrated", absent="the test has none")


def run_of(entries):
    return stored_run(entries=tuple(entries), names=tuple(entry.name for entry in entries))


@pytest.fixture(scope="module")
def run():
    sparse = {"nin": times(4e-3, 5e-3, "dense"), "cifar10-sis1": times(3e-3, 1e-3)}
    return run_of([real_entry(name, sparse=sparse.get(name)) for name in NETWORKS])


@pytest.fixture(scope="module")
def drawn(run):
    return {chart.name: chart for chart in charts(section(run).rows, None, "", run)}


def unpacked(picture: bytes) -> np.ndarray:
    """The levels of a PNG's pixels over the greatest."""
    at, rows, size, bits = 8, b"", (0, 0), 0
    while at < len(picture):
        (length,) = struct.unpack(">I", picture[at : at + 4])
        kind, data = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        assert struct.unpack(">I", picture[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        if kind == b"IHDR":
            width, height, bits = struct.unpack(">IIB", data[:9])
            size = (height, width)
        rows += data if kind == b"IDAT" else b""
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(rows), np.uint8).reshape(size[0], -1)
    assert not lines[:, 0].any()  # no filter
    pixels = np.unpackbits(lines[:, 1:], axis=1).reshape(size[0], -1, bits)
    return (pixels @ (1 << np.arange(bits)[::-1]))[:, : size[1]] / (2**bits - 1)


@settings(max_examples=30)
@given(arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_a_picture_has_a_pixel_for_each_kernel(kernels) -> None:
    assert (unpacked(png(kernels.astype(float))) == kernels).all()


@settings(max_examples=30)
@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.just(0.0) | st.floats(1e-6, 1)))
def test_shares_are_as_dark_as_they_are_large(shares) -> None:
    levels = unpacked(png(shares))
    assert np.abs(levels - shares).max() <= 1 / 15
    assert ((levels > 0) == (shares > 0)).all()


def test_large_layers_share_cells() -> None:
    kernels = np.zeros((1000, 10), np.bool_)
    kernels[:3, 4] = True
    shares = shrunk(kernels)
    assert shares.shape == (334, 10)
    assert shares[0, 4] == 1.0
    assert shares.sum() == pytest.approx(1.0)
    assert shrunk(np.ones((385, 385), np.bool_)).min() == 1.0


def test_the_graph_is_formed_again_and_is_the_very_same(run) -> None:
    for entry in run.manifest.networks:
        assert graph_of(entry, run.manifest).value.digest() == entry.graph_sha256
    other = network_entry("cifar10-sis1", preset="cifar10-sis1")
    assert graph_of(other, run.manifest).reason == NOT_AGAIN
    odd = real_entry("cifar10-sis1").model_copy(update={"distribution": "of-a-plugin"})
    assert "of-a-plugin" in graph_of(odd, run.manifest).reason


def test_a_form_of_another_network_is_found_by_its_name(run) -> None:
    graph = form(resnet20(10, 32), Formation(t_c=0.5, t_p=0.5, seed=0))
    changes = {"t_c": 0.5, "t_p": 0.5, "graph_sha256": graph.digest(), "preset": None}
    entry = network_entry("cifar10-sis1").model_copy(update=changes | {"name": "resnet20-tc0.5-tp0.5"})
    assert graph_of(entry, run.manifest).value.spec.name == "resnet20"
    own = entry.model_copy(update={"name": "mine"})
    assert graph_of(own, run.manifest).reason == NOT_AGAIN


def test_each_sparse_layer_is_drawn_and_whole_ones_are_named(drawn) -> None:
    root = parsed(drawn["graphs"])
    found = words(root)
    assert {"cifar10-sis1", "cifar10-sis2", "cifar10-sis3"} <= set(found)
    assert "nin" not in found
    assert "353,650 of 959,104 synapses; all of MP1a, MP1b, MP2a, MP2b, MP3a, MP3b" in found
    pictures = [element.find(f"{SPACE}title").text for element in root.iter(f"{SPACE}image")]
    assert "C3 192 → 192, 25% of the kernels exist" in pictures
    assert len(pictures) == 3 + 9 + 8


def test_what_a_picture_cannot_hold_is_named(run, monkeypatch) -> None:
    monkeypatch.setattr(graphs, "MOST_BYTES", 5000)
    chart = next(chart for chart in charts(section(run).rows, None, "", run) if chart.name == "graphs")
    assert "Not drawn, for size: cifar10-sis2, cifar10-sis3." in chart.caption
    assert "cifar10-sis2" not in words(parsed(chart))
    assert MOST_BYTES > 5000


def test_layer_times_are_drawn_as_predicted(drawn) -> None:
    chart = drawn["layer-times"]
    assert "predicted" in chart.title
    assert "not measured" in chart.caption
    root = parsed(chart)
    bars = {}
    for element in root.iter(f"{SPACE}rect"):
        title = element.find(f"{SPACE}title")
        if title is not None:
            bars[title.text] = float(element.get("width"))
    assert list(bars) == [
        "nin, C1: 4.00 ms, dense",
        "cifar10-sis1, C1: 1.00 ms, native",
        "nin, C2: 4.00 ms, dense",
        "cifar10-sis1, C2: 1.00 ms, native",
    ]
    assert bars["nin, C1: 4.00 ms, dense"] == pytest.approx(4 * bars["cifar10-sis1, C1: 1.00 ms, native"], rel=0.01)
    assert "nin, 8.00 ms" in words(root)


def test_why_there_are_no_layer_times() -> None:
    plain = run_of([real_entry("nin"), real_entry("cifar10-sis1")])
    uncalibrated = run_of([real_entry("nin", sparse=times(None, None)), real_entry("cifar10-sis1")])
    for run, reason in ((plain, "were not considered"), (uncalibrated, "was not calibrated")):
        said = [line for line in left_out(section(run).rows, run) if "layer" in line]
        assert len(said) == 1
        assert reason in said[0]
        assert "no runtime here reports the time of single layers" in said[0]


def test_a_run_of_dense_networks_has_no_graph() -> None:
    run = run_of([real_entry("nin")])
    assert any("no measured network is sparse" in line for line in left_out(section(run).rows, run))
