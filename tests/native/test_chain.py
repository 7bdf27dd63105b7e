"""The kernels against numpy, for every instruction set that this machine has."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sis_agent.native.library import Library, LibraryError

from .chains import Array, Case, Layer, cases, pack, random_layer, reference

TOLERANCE = 1e-4


def answers(library: Library, case: Case, images: Array, instruction_set: str, threads: int = 1) -> Array:
    with library.chain(pack(case), instruction_set) as chain:
        assert chain.input_shape == case.shape
        outputs = np.full((len(images), *chain.output_shape), np.nan, dtype=np.float32)
        chain.run(images, outputs, len(images), threads)
        return outputs


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), batch=st.integers(1, 9), threads=st.sampled_from([1, 1, 2, 3]))
def test_every_chain_answers_as_numpy(library: Library, case: Case, batch: int, threads: int) -> None:
    images = case.images(batch)
    expected = reference(case, images)
    for name in library.instruction_sets():
        found = answers(library, case, images, name, threads)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_sides_around_the_width_of_vectors(library: Library, side: int, kernel: int) -> None:
    rng = np.random.default_rng(side)
    case = Case([random_layer(rng, 3, 14, kernel, 0.5)], side, side, average=False)
    images = case.images(2)
    for name in library.instruction_sets():
        np.testing.assert_allclose(
            answers(library, case, images, name), reference(case, images), atol=TOLERANCE, err_msg=name
        )


def test_the_same_bits_on_any_number_of_threads(library: Library) -> None:
    rng = np.random.default_rng(3)
    layers = [random_layer(rng, 3, 40, 5, 0.5, pool=2), random_layer(rng, 40, 30, 1, 1), random_layer(rng, 30, 9, 3, 1)]
    case = Case(layers, 32, 32, average=True)
    images = case.images(3)
    one = answers(library, case, images, "", threads=1)
    for threads in (2, 3, 8):
        assert np.array_equal(one, answers(library, case, images, "", threads))


def test_a_filter_without_kernels_answers_its_bias(library: Library) -> None:
    layer = Layer(np.zeros((3, 2, 5, 5), np.float32), np.array([1, -1, 0.5], np.float32), relu=True)
    case = Case([layer], 6, 6, average=True)
    for name in library.instruction_sets():
        assert answers(library, case, case.images(1), name).ravel().tolist() == [1, 0, 0.5]


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_denormal_numbers_are_kept(library: Library, kernel: int) -> None:
    weight = np.zeros((1, 1, kernel, kernel), np.float32)
    weight[0, 0, kernel // 2, kernel // 2] = 1
    case = Case([Layer(weight, np.zeros(1, np.float32), relu=False)], 8, 8, average=False)
    images = np.full((1, 1, 8, 8), 1e-41, dtype=np.float32)
    for name in library.instruction_sets():
        assert np.array_equal(answers(library, case, images, name), images)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_a_strange_pixel_stays_in_its_image_and_where_its_kernels_reach(library: Library, strange: float) -> None:
    rng = np.random.default_rng(5)
    weight = rng.random((6, 2, 3, 3)).astype(np.float32) + 0.1
    weight[3:, 0] = 0  # filters 3 to 5 do not see the first input
    case = Case([Layer(weight, np.zeros(6, np.float32), relu=False)], 20, 20, average=False)
    clean = case.images(3)
    images = clean.copy()
    images[1, 0, 9, 9] = strange
    for name in library.instruction_sets():
        before, after = answers(library, case, clean, name), answers(library, case, images, name)
        assert np.array_equal(before[[0, 2]], after[[0, 2]])
        assert np.array_equal(before[1, 3:], after[1, 3:])
        reached = np.zeros((20, 20), bool)
        reached[8:11, 8:11] = True
        assert not np.isfinite(after[1, :3][:, reached]).any()
        assert np.array_equal(before[1, :3][:, ~reached], after[1, :3][:, ~reached])


def test_nan_passes_relu(library: Library) -> None:
    layer = Layer(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32), relu=True)
    case = Case([layer], 4, 4, average=False)
    images = np.full((1, 1, 4, 4), np.nan, dtype=np.float32)
    for name in library.instruction_sets():
        assert np.isnan(answers(library, case, images, name)).all()


def test_one_chain_runs_on_several_threads_at_once(library: Library) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(8)
    case = Case([random_layer(rng, 3, 20, 5, 0.4), random_layer(rng, 20, 10, 1, 1)], 24, 24, average=True)
    batches = [case.images(2, seed) for seed in range(16)]
    with library.chain(pack(case)) as chain, ThreadPoolExecutor(4) as pool:

        def run(images: Array) -> Array:
            outputs = np.empty((2, 10, 1, 1), dtype=np.float32)
            chain.run(images, outputs, 2, threads=1 + int(images[0, 0, 0, 0] > 0))
            return outputs

        for images, found in zip(batches, pool.map(run, batches), strict=True):
            np.testing.assert_allclose(found, reference(case, images), atol=TOLERANCE)


HUGE_AREAS = """
import sys
from sis_agent.native.library import Library

def areas():
    with open("/proc/self/smaps") as lines:
        return sum(line.startswith("VmFlags:") and "hg" in line.split() for line in lines)

with open(sys.argv[2], "rb") as file, Library(sys.argv[1]).chain(file.read(), ""):
    print(areas())
"""
"""Prints the areas of its memory for which huge pages were asked; in a process of its own, where none is used again."""


@pytest.mark.parametrize(("width", "areas"), [(64, 0), (512, 1)])
@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="this kernel has no huge pages")
def test_weights_of_megabytes_ask_for_huge_pages(library_path: Path, tmp_path: Path, width: int, areas: int) -> None:
    """With them dense NiN in fp32 was 4 to 7% faster where other programs used the cache too."""
    layer = random_layer(np.random.default_rng(1), width, width, 3, 1)
    (tmp_path / "chain").write_bytes(pack(Case([layer], 8, 8, average=False)))
    words = [sys.executable, "-c", HUGE_AREAS, str(library_path), str(tmp_path / "chain")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{areas}\n", "")


@pytest.mark.parametrize("threads", [1, 3])
def test_the_profile_names_the_layer_of_each_stage(library: Library, threads: int) -> None:
    rng = np.random.default_rng(9)
    case = Case([random_layer(rng, 3, 8, 3, 1, pool=2), random_layer(rng, 8, 4, 1, 1)], 16, 16, average=True)
    with library.chain(pack(case)) as chain:
        outputs = np.empty((1, 4, 1, 1), np.float32)
        stages = chain.profile(case.images(1), outputs, threads)
    assert {layer for layer, _ in stages} == {0, 1}
    assert all(0 < seconds < 10 for _, seconds in stages)
    np.testing.assert_allclose(outputs, reference(case, case.images(1)), atol=TOLERANCE)


def test_buffers_of_another_size_or_kind_are_refused(library: Library) -> None:
    case = Case([random_layer(np.random.default_rng(0), 3, 2, 3, 1)], 8, 8, average=True)
    with library.chain(pack(case)) as chain:
        good = np.zeros((1, 2, 1, 1), np.float32)
        for images in (np.zeros((1, 3, 8, 7), np.float32), np.zeros((1, 3, 8, 8)), case.images(1)[..., ::-1]):
            with pytest.raises(ValueError, match="192 float32 in C order"):
                chain.run(images, good)


def test_an_unknown_instruction_set_is_refused(library: Library) -> None:
    case = Case([random_layer(np.random.default_rng(0), 1, 1, 1, 1)], 4, 4, average=True)
    with pytest.raises(LibraryError, match="does not run the instruction set mmx"):
        library.chain(pack(case), "mmx")


def test_a_file_that_is_no_library_is_refused() -> None:
    with pytest.raises(LibraryError, match="is not a sis-edge library"):
        Library(__file__)
