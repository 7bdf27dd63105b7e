"""Address and undefined-behaviour sanitizers over all kernels, and blobs damaged at random."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from sis_agent.native.library import Library
from sis_edge.exporting.compact import CompactNetwork
from sis_edge.spec import LayerSpec

from . import driver, graphs
from .chains import Case, pack, random_layer, reference


def some_cases() -> list[Case]:
    rng = np.random.default_rng(11)
    found = []
    both = [(8, 3, 2), (8, 5, 1), (16, 5, 2), (17, 3, 2), (4, 3, 1)]
    sizes = [(5, 7, 1, False), (33, 9, 3, False)] + [(*size, is_winograd) for size in both for is_winograd in (0, 1)]
    for side, kernel, pool, is_winograd in sizes:
        layers = [
            replace(random_layer(rng, 3, 13, kernel, 0.4, pool=pool), winograd=bool(is_winograd)),
            random_layer(rng, 13, 26, 1, 1.0),
            random_layer(rng, 26, 7, 3, 0.2, relu=False),
        ]
        found.append(Case(layers, side, side + 1, average=bool(side % 2), block=1 + side % 3))
    return found


def some_networks() -> list[CompactNetwork]:
    """Every kind of layer with branches, at sides around the width of vectors."""
    found = []
    for side in (6, 8, 13, 33, 49):
        half, wide = -(-side // 2), min(side, 6)
        layers = (
            LayerSpec("a", "CL", 2, 4, 3, side),
            LayerSpec("b", "CL", 4, 4, 3, side, stride=2, groups=4, activation="relu6"),
            LayerSpec("c", "MP", 4, 6, 1, half, activation="none", adds="a"),
            LayerSpec("d", "MP", 4, 6, 1, side, stride=2, adds="c", source="a"),
            LayerSpec("e", "CL", 6, 6, 5 if side % 2 else 3, half, adds="d", pool=half // 3, pooling="average"),
            LayerSpec("f", "CL", 6, 2, 7, half // (half // 3), stride=2),
            LayerSpec("g", "MP", 2, 3, 1, 1, is_class_layer=True, global_pool=True),
        )
        found.append(graphs.weighted(layers, 0.6, side, block=1 + wide % 3))
    return found


@pytest.mark.slow
def test_no_sanitizer_complains_and_answers_are_right(sanitized: str, library: Library) -> None:
    assert shutil.which(sanitized)
    for case in some_cases():
        images = case.images(2)
        expected = reference(case, images)
        for name in library.instruction_sets():
            found = driver.answers([sanitized], case, images, name, 2, expected.shape)
            np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_damaged_blobs_are_refused_or_run(sanitized: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = replace(random_layer(rng, 2, 5, 3, 0.5, pool=2), winograd=seed % 2 == 0)
    case = Case([first, random_layer(rng, 5, 4, 1, 0.5)], 9, 9, average=True)
    assert len(pack(case)) < 2000
    refused = driver.refused_of_damaged([sanitized], pack(case), 1500, seed)
    assert 400 < refused < 1500  # most headers are refused; other weights are only other weights


@pytest.mark.slow
def test_no_sanitizer_complains_of_networks_with_branches(sanitized: str, library: Library) -> None:
    for network in some_networks():
        x = graphs.images(network, 2)
        expected = graphs.reference(network, x)
        for name in library.instruction_sets():
            found = driver.answers_to([sanitized], graphs.pack(network), x, name, 2, expected.shape)
            np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_damaged_networks_with_branches_are_refused_or_run(sanitized: str, seed: int) -> None:
    layers = (
        LayerSpec("a", "CL", 2, 3, 3, 9),
        LayerSpec("b", "CL", 3, 3, 3, 9, stride=2, groups=3, adds="a"),
        LayerSpec("c", "MP", 3, 4, 1, 5, adds="b", pool=2),
        LayerSpec("d", "MP", 4, 2, 1, 1, is_class_layer=True, global_pool=True),
    )
    blob = graphs.pack(graphs.weighted(layers, 0.6, seed))
    assert len(blob) < 2000
    refused = driver.refused_of_damaged([sanitized], blob, 1000, seed)
    assert 300 < refused < 1000
