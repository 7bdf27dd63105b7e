"""The NEON kernels, run by an emulated processor: right or wrong, no speed."""

from dataclasses import replace

import numpy as np
import pytest

from . import driver, graphs
from .chains import Case, random_layer, reference
from .test_sanitizers import some_cases, some_networks


@pytest.fixture(scope="module")
def program(emulated: list[str]) -> list[str]:
    emulator, built = emulated
    return [emulator, "-cpu", "cortex-a57", built]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["neon", "portable"])
def test_every_case_answers_as_numpy(program: list[str], name: str) -> None:
    for case in some_cases():
        images = case.images(2)
        expected = reference(case, images)
        found = driver.answers(program, case, images, name, 2, expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["neon", "portable"])
def test_networks_with_branches_answer_as_onnx_runtime(program: list[str], name: str) -> None:
    for network in some_networks():
        x = graphs.images(network, 2)
        expected = graphs.reference(network, x)
        found = driver.answers_to(program, graphs.pack(network), x, name, 2, expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("is_winograd", [False, True])
def test_a_layer_of_the_papers_network(program: list[str], is_winograd: bool) -> None:
    rng = np.random.default_rng(1)
    first = replace(random_layer(rng, 24, 192, 5, 0.25, pool=1), winograd=is_winograd)
    layers = [first, random_layer(rng, 192, 10, 1, 1.0, relu=False)]
    case = Case(layers, 16, 16, average=True)
    images = case.images(1)
    expected = reference(case, images)
    np.testing.assert_allclose(driver.answers(program, case, images, "neon", 1, expected.shape), expected, atol=1e-4)
