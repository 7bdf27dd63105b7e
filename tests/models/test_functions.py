"""Our kernels for training against torch's operators in double precision: values, gradients, statistics."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sis_edge.models import functions, kernels
from sis_edge.models.functions import convolve, norm_relu, norm_relu_convolve


def image_like(*shape: int, seed: int = 0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return values.contiguous(memory_format=torch.channels_last)


@pytest.fixture(autouse=True)
def compiled() -> None:
    assert kernels.load() is not None, "the test extra brings a compiler"


def difference(ours: Tensor, true: Tensor) -> float:
    return float((ours.detach().double() - true.detach()).norm() / true.detach().norm().clamp(min=1e-6))


def some_kernels(filters: int, channels: int, share: float, seed: int) -> Tensor:
    """Which kernels exist, bool [filters, channels]; the last one does."""
    exists = torch.rand(filters, channels, generator=torch.Generator().manual_seed(seed)) < share
    exists[-1, -1] = True
    return exists


def worst(kind: str, x: Tensor, weight: Tensor, threads: int, exists: Tensor | None = None) -> float:
    """The greatest difference from torch, of the output and of each gradient, where `kind` of our kernels serves.

    Of kernels that do not exist, the gradient is not compared.
    """
    filters, _, side, _ = weight.shape
    dy = image_like(len(x), filters, *x.shape[2:], seed=7)
    wanted = [leaf for leaf in (x, weight) if leaf.requires_grad]
    with kernels.used(threads):
        arguments = (x, weight) if exists is None else (x, weight, exists)
        y = getattr(functions, kind).apply(*arguments, kernels.active())
        ours = (y, *torch.autograd.grad(y, wanted, dy))
    true_y = F.conv2d(x.double(), weight.double(), padding=side // 2)
    true = [true_y, *torch.autograd.grad(true_y, wanted, dy.double())]
    if exists is not None:
        true[-1] = true[-1] * exists[:, :, None, None]
    return max(map(difference, ours, true))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 20),
    channels=st.integers(1, 5).map(lambda n: 8 * n),
    filters=st.integers(1, 5).map(lambda n: 8 * n),
    tiles=st.integers(1, 4),
    threads=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_convolution_and_its_gradients_are_torchs(
    images: int, channels: int, filters: int, tiles: int, threads: int, seed: int
) -> None:
    x = image_like(images, channels, 4 * tiles, 4 * tiles, seed=seed).requires_grad_()
    weight = (image_like(filters, channels, 5, 5, seed=seed + 1) / channels).requires_grad_()
    assert worst("Winograd", x, weight, threads) < 3e-5


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 40),
    channels=st.integers(1, 5).map(lambda n: 8 * n),
    filters=st.integers(1, 5).map(lambda n: 8 * n),
    side=st.integers(1, 32),
    kernel=st.sampled_from([3, 5]),
    share=st.sampled_from([0.0, 0.25, 0.6, 1.0]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_convolution_by_some_kernels_and_its_gradients_are_torchs(
    images: int, channels: int, filters: int, side: int, kernel: int, share: float, threads: int, seed: int
) -> None:
    exists = some_kernels(filters, channels, share, seed)
    x = image_like(images, channels, side, side, seed=seed).requires_grad_()
    weight = image_like(filters, channels, kernel, kernel, seed=seed + 1) * exists[:, :, None, None] / channels
    weight = weight.contiguous(memory_format=torch.channels_last).requires_grad_()
    assert worst("SparseWinograd", x, weight, threads, exists) < 3e-5


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 20),
    channels=st.integers(1, 4),
    filters=st.integers(1, 50),
    side=st.integers(1, 24),
    kernel=st.sampled_from([3, 5, 7]),
    share=st.sampled_from([0.0, 0.4, 1.0]),
    threads=st.integers(1, 3),
)
def test_convolution_of_images_by_some_kernels_and_its_gradient_are_torchs(
    images: int, channels: int, filters: int, side: int, kernel: int, share: float, threads: int
) -> None:
    exists = some_kernels(filters, channels, share, seed=3)
    x = image_like(images, channels, side, side)
    weight = image_like(filters, channels, kernel, kernel, seed=1) * exists[:, :, None, None]
    weight = weight.contiguous(memory_format=torch.channels_last).requires_grad_()
    assert worst("SparseImages", x, weight, threads, exists) < 1e-5


@pytest.mark.parametrize(
    ("channels", "kernel", "side", "share", "served"),
    [
        (24, 5, 12, 0.25, "SparseWinograd"),
        (24, 5, 16, 0.5, "SparseWinograd"),
        (24, 5, 12, 1.0, "Winograd"),
        (24, 5, 36, 0.25, "Winograd"),  # more tiles than fit
        (24, 3, 6, 0.5, "SparseWinograd"),
        (24, 3, 8, 0.25, "SparseWinograd"),
        (24, 3, 8, 0.5, "Convolution"),  # of four tiles' pixels little more than a quarter is in the map
        (24, 3, 6, 1.0, "Convolution"),
        (12, 3, 6, 0.25, "Convolution"),  # no whole vectors of channels
        (3, 5, 24, 0.4, "SparseImages"),
        (3, 5, 24, 0.6, "Patches"),
    ],
)
def test_kernels_that_do_not_exist_are_left_out_where_that_is_faster(
    channels: int, kernel: int, side: int, share: float, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "torch_has_wide_vectors", lambda: False)
    x = image_like(2, channels, side, side).requires_grad_(channels > 4)
    weight = image_like(192, channels, kernel, kernel).requires_grad_()
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    mask.view(192 * channels, -1)[: round(share * 192 * channels), -1] = True  # a single synapse of each kernel
    with kernels.used(1):
        found = type(convolve(x, weight, None, mask=mask).grad_fn).__name__
    assert found.startswith(f"{served}Backward")


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 9),
    channels=st.integers(1, 50),
    filters=st.integers(1, 50),
    side=st.integers(1, 12),
    threads=st.integers(1, 3),
)
def test_pointwise_convolution_and_its_gradients_are_torchs(
    images: int, channels: int, filters: int, side: int, threads: int
) -> None:
    x = image_like(images, channels, side, side).requires_grad_()
    weight = image_like(filters, channels, 1, 1, seed=1).requires_grad_()
    assert worst("Pointwise", x, weight, threads) < 1e-5


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 20),
    channels=st.integers(1, 4),
    filters=st.integers(1, 50),
    side=st.integers(1, 12),
    kernel=st.sampled_from([3, 5, 7]),
    threads=st.integers(1, 3),
)
def test_convolution_of_images_and_its_gradient_are_torchs(
    images: int, channels: int, filters: int, side: int, kernel: int, threads: int
) -> None:
    x = image_like(images, channels, side, side)
    weight = image_like(filters, channels, kernel, kernel, seed=1).requires_grad_()
    assert worst("Patches", x, weight, threads) < 1e-5


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    images=st.integers(2, 40),
    channels=st.integers(1, 70),
    side=st.integers(1, 9),
    offset=st.floats(-4, 4),
    threads=st.integers(1, 3),
    kind=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_normalisation_with_relu_is_torchs(
    images: int, channels: int, side: int, offset: float, threads: int, kind: torch.dtype
) -> None:
    x = (image_like(images, channels, side, side) * 2 + offset).to(kind).requires_grad_()
    dy = image_like(images, channels, side, side, seed=1).to(kind)
    norm = nn.BatchNorm2d(channels)
    numbers = torch.Generator().manual_seed(2)
    with torch.no_grad():
        norm.weight.uniform_(-2, 2, generator=numbers)
        norm.bias.uniform_(-1, 1, generator=numbers)
    plain = copy.deepcopy(norm).double()
    exact = x.detach().double().requires_grad_()
    normalised = plain(exact)
    true_y = F.relu(normalised)
    dy = dy * (normalised.detach().abs() > 1e-4)  # nearer to the kink single precision may fall on its other side
    true = (true_y, *torch.autograd.grad(true_y, (exact, plain.weight, plain.bias), dy.double()))
    with kernels.used(threads):
        y = norm_relu(x, norm)
        assert "NormRelu" in type(y.grad_fn).__name__
        ours = (y, *torch.autograd.grad(y, (x, norm.weight, norm.bias), dy))
    nearest = 2**-8  # half of the last of 8 bits
    for mine, its in zip(ours, true, strict=True):
        rounds = mine.dtype == torch.bfloat16
        torch.testing.assert_close(mine.double(), its.double(), rtol=nearest if rounds else 1e-3, atol=1e-3)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name].double(), value.double(), rtol=1e-4, atol=1e-5)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    images=st.integers(1, 40),
    channels=st.integers(1, 70),
    filters=st.integers(1, 50),
    side=st.integers(2, 9),
    offset=st.floats(-4, 4),
    threads=st.integers(1, 3),
)
def test_normalisation_and_the_pointwise_convolution_behind_it_are_torchs(
    images: int, channels: int, filters: int, side: int, offset: float, threads: int
) -> None:
    x = (image_like(images, channels, side, side) * 2 + offset).requires_grad_()
    weight, dy = image_like(filters, channels, 1, 1, seed=1).requires_grad_(), image_like(images, filters, side, side)
    norm = nn.BatchNorm2d(channels)
    numbers = torch.Generator().manual_seed(2)
    with torch.no_grad():
        norm.weight.uniform_(-2, 2, generator=numbers)
        norm.bias.uniform_(-1, 1, generator=numbers)
        plain = copy.deepcopy(norm).double()
        near = (plain(x.double()).abs() < 1e-4).any(dim=1, keepdim=True)  # single precision may fall on the other side
        dy = dy * ~near
    plain = copy.deepcopy(norm).double()
    true_y = F.conv2d(F.relu(plain(x.double())), weight.double())
    true = (true_y, *torch.autograd.grad(true_y, (x, plain.weight, plain.bias, weight), dy.double()))
    with kernels.used(threads):
        y = norm_relu_convolve(x, norm, weight, None)
        assert "NormReluPointwise" in type(y.grad_fn).__name__
        ours = (y, *torch.autograd.grad(y, (x, norm.weight, norm.bias, weight), dy))
    for mine, its in zip(ours, true, strict=True):
        torch.testing.assert_close(mine.double(), its.double(), rtol=1e-3, atol=2e-3)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name].double(), value.double(), rtol=1e-4, atol=1e-5)


def test_normalisation_before_other_convolutions_is_that_and_then_this() -> None:
    x = image_like(4, 16, 8, 8).requires_grad_()
    with kernels.used(1):
        for weight, how in ((image_like(8, 16, 5, 5), {}), (image_like(8, 16, 1, 1), {"stride": 2})):
            norms = [nn.BatchNorm2d(16), nn.BatchNorm2d(16)]
            one = norm_relu_convolve(x, norms[0], weight, None, **how)
            other = convolve(norm_relu(x, norms[1]), weight, None, **how)
            assert torch.equal(one, other)
            assert "Pointwise" not in type(one.grad_fn).__name__
        wide = image_like(192, 192, 1, 1)  # our products take more time than torch's
        found = norm_relu_convolve(image_like(2, 192, 4, 4).requires_grad_(), nn.BatchNorm2d(192), wide, None)
        assert "Convolution" in type(found.grad_fn).__name__


def test_results_are_the_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "torch_has_wide_vectors", lambda: False)  # with them torch takes the images
    x, weight = image_like(33, 16, 8, 8), image_like(24, 16, 5, 5).requires_grad_()
    narrow = image_like(40, 24, 1, 1)
    images, found = image_like(33, 3, 8, 8), []
    some, few = torch.arange(24 * 16).view(24, 16, 1, 1) % 3 == 0, torch.arange(70 * 3).view(70, 3, 1, 1) % 3 == 0
    for threads in (1, 2, 5):
        first = image_like(70, 3, 5, 5).requires_grad_()
        norm = nn.BatchNorm2d(24)
        leaf, weight.grad = x.clone().requires_grad_(), None
        with kernels.used(threads):
            convolve(norm_relu(convolve(leaf, weight, None), norm), narrow, None).square().sum().backward()
            norm_relu_convolve(convolve(leaf, weight, None), norm, narrow, None).square().sum().backward()
            convolve(leaf, weight, None, mask=some.expand_as(weight)).square().sum().backward()
            convolve(images, first, None).square().sum().backward()
            convolve(images, first, None, mask=few.expand_as(first)).square().sum().backward()
        found.append((leaf.grad, norm.running_var, norm.weight.grad, first.grad, weight.grad))
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize(
    ("channels", "filters", "kernel", "served"),
    [
        (24, 192, 5, "Winograd"),
        (12, 192, 5, "Convolution"),  # no whole vectors of channels
        (48, 192, 3, "Convolution"),
        (3, 118, 5, "Patches"),
        (3, 64, 5, "Convolution"),
        (40, 24, 1, "Pointwise"),
        (24, 40, 1, "Pointwise"),
        (40, 10, 1, "Pointwise"),
        (118, 40, 1, "Convolution"),  # many channels, and below few that torch has whole vectors of
        (192, 192, 1, "Convolution"),
        (32, 48, 1, "Convolution"),
    ],
)
def test_our_kernels_serve_where_they_are_faster(
    channels: int, filters: int, kernel: int, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = image_like(2, channels, 8, 8)
    x.requires_grad_(channels > 4)
    weight = image_like(filters, channels, kernel, kernel).requires_grad_()
    for wide in (False, True):
        monkeypatch.setattr(kernels, "torch_has_wide_vectors", lambda wide=wide: wide)
        with kernels.used(1):
            found = type(convolve(x, weight, None).grad_fn).__name__
        assert ("Convolution" if wide and served in ("Patches", "Pointwise") else served) in found


def test_torch_serves_what_the_kernels_do_not() -> None:
    odd = image_like(2, 12, 8, 8).requires_grad_()  # no whole vectors of channels
    weight = image_like(8, 12, 5, 5)
    with kernels.used(1):
        assert "Convolution" in type(convolve(odd, weight, None).grad_fn).__name__
        half = image_like(2, 8, 8, 8).half().requires_grad_()
        assert "NormRelu" not in type(norm_relu(half, nn.BatchNorm2d(8)).grad_fn).__name__
        assert "NormRelu" not in type(norm_relu(image_like(2, 8, 4, 4), nn.BatchNorm2d(8).eval()).grad_fn).__name__
    assert kernels.active() is None
    assert "NormRelu" not in type(norm_relu(odd * 1, nn.BatchNorm2d(12)).grad_fn).__name__


@pytest.mark.parametrize("wide", [False, True])
def test_products_by_the_vectors_of_either_instruction_set(wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    has = torch.cpu.get_capabilities()
    if not has.get("avx512_bw" if wide else "avx2"):
        pytest.skip(f"this CPU has no {'AVX-512' if wide else 'AVX2'}")
    monkeypatch.setattr(kernels, "_features", lambda: {name: wide or "avx512" not in name for name in has if has[name]})
    kernels.load.cache_clear()
    try:
        assert kernels._level("x86_64") == ("x86_64_v4" if wide else "x86_64_v3")
        for pixels in range(1, 27):  # every height of a block, after none, one and two whole ones
            for channels, filters in ((5, 1), (24, 17), (40, 33), (3, 64)):
                x = image_like(1, channels, 1, pixels).requires_grad_()
                weight = image_like(filters, channels, 1, 1).requires_grad_()
                assert worst("Pointwise", x, weight, 1) < 1e-5, (pixels, channels, filters)
    finally:
        monkeypatch.undo()
        kernels.load.cache_clear()


def test_without_a_compiler_torch_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    from sis_edge.errors import UsageError

    def none(*arguments: object, **named: object) -> None:
        raise UsageError("no compiler")

    monkeypatch.setattr("sis_edge.native.build.library", none)
    kernels.load.cache_clear()
    try:
        with kernels.used(1) as served:
            assert not served
    finally:
        kernels.load.cache_clear()
