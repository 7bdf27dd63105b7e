"""The loop: what must not exist stays away, and an interruption changes no bit."""

import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from forked import exit_code
from lightning.pytorch.utilities import CombinedLoader
from small import RECIPE, SPEC, dataset

from sis_edge.datasets import Dataset
from sis_edge.errors import DiskError, UsageError
from sis_edge.formation import Formation, form
from sis_edge.formation.compaction import compact
from sis_edge.models import SisNet
from sis_edge.training import Recipe, default_recipe
from sis_edge.training.evaluate import accuracy, logits
from sis_edge.training.precision import fastest_precision
from sis_edge.training.recipe import Optimizer
from sis_edge.training.train import CHECKPOINT, Progress, TrainingModule, _optimizer, train

STEPS = 4  # an epoch of 64 images in batches of 16

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset()


def new_network() -> SisNet:
    return SisNet(compact(form(SPEC, Formation(t_c=0.4, t_p=0.75))), seed=1)


def trained(data: Dataset, folder: Path, progress: Progress | None = None, recipe: Recipe = RECIPE) -> Weights:
    network = train(new_network(), data, data.train, recipe, seed=5, folder=folder, progress=progress)
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one: Weights, two: Weights) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def undisturbed(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return trained(data, tmp_path_factory.mktemp("undisturbed"))


def test_training_is_deterministic_for_a_seed(data: Dataset, undisturbed: Weights, tmp_path: Path) -> None:
    torch.manual_seed(99)  # the global state must not matter
    assert same(undisturbed, trained(data, tmp_path))
    other = train(new_network(), data, data.train, RECIPE, seed=6, folder=tmp_path / "other")
    assert not same(undisturbed, other.state_dict())


def test_it_learns(data: Dataset, tmp_path: Path) -> None:
    network = new_network()
    before = accuracy(network, data, data.test)
    recipe = Recipe(epochs=12, batch_size=16, peak_lr=0.1, crop_pad=0, flip=False)
    train(network, data, data.train, recipe, seed=0, folder=tmp_path)
    after = accuracy(network, data, data.test)
    assert after > max(0.6, before)
    answers = logits(network, data, data.test, batch_size=7)
    assert torch.allclose(answers, logits(network, data, data.test), atol=1e-5)
    assert after == (answers.argmax(dim=1).numpy() == data.test.labels).mean()


@pytest.mark.parametrize("conv", ["kernel", "synapse", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_does_not_exist_stays_exactly_zero(data: Dataset, tmp_path: Path, conv: str, precision: str) -> None:
    plans = compact(form(SPEC, Formation(t_c=0.4, t_p=0.5, conv=conv, micro="synapse", block=3)))
    network = SisNet(plans)
    recipe = Recipe(epochs=2, batch_size=16, precision="bf16" if precision == "bf16" else "fp32")
    checked = 0

    def look(done: int, total: int, loss: float) -> None:
        nonlocal checked
        for plan, layer in zip(plans, network.layers, strict=True):
            if plan.mask is not None:
                assert not layer.weight.detach()[~torch.from_numpy(plan.mask)].any()  # type: ignore[union-attr]
                checked += 1

    train(network, data, data.train, recipe, seed=0, folder=tmp_path, progress=look)
    assert checked >= 2 * STEPS
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_progress_counts_every_step(data: Dataset, tmp_path: Path) -> None:
    seen: list[tuple[int, int, float]] = []
    trained(data, tmp_path, lambda *step: seen.append(step))
    assert [(done, total) for done, total, _ in seen] == [(n, 3 * STEPS) for n in range(1, 3 * STEPS + 1)]
    assert all(loss > 0 for _, _, loss in seen)


def fail() -> None:
    raise RuntimeError("power cut")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("how", "error"), [(fail, RuntimeError), (interrupt, KeyboardInterrupt)])
@pytest.mark.parametrize("step", [1, STEPS, STEPS + 2, 3 * STEPS])
def test_an_interruption_at_any_step_changes_no_bit(
    data: Dataset,
    undisturbed: Weights,
    tmp_path: Path,
    how: Callable[[], None],
    error: type[BaseException],
    step: int,
) -> None:
    handler = signal.getsignal(signal.SIGINT)

    def progress(done: int, total: int, loss: float) -> None:
        if done == step:
            how()

    with pytest.raises(error):
        trained(data, tmp_path, progress)
    assert signal.getsignal(signal.SIGINT) is handler
    assert (tmp_path / CHECKPOINT).exists() == (step > STEPS)
    seen: list[int] = []
    assert same(undisturbed, trained(data, tmp_path, lambda done, total, loss: seen.append(done)))
    assert seen[0] == (step - 1) // STEPS * STEPS + 1  # it went on at the epoch that was interrupted


def test_an_interruption_between_two_epochs_changes_no_bit(
    data: Dataset, undisturbed: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the next epoch's batches are about to be set up, lightning cannot clear up what is not there yet."""
    handler = signal.getsignal(signal.SIGINT)
    set_up = CombinedLoader.__iter__
    with monkeypatch.context() as patched:

        def interrupted(loader: CombinedLoader) -> object:
            if (tmp_path / CHECKPOINT).exists():
                interrupt()
            return set_up(loader)

        patched.setattr(CombinedLoader, "__iter__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trained(data, tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler
    assert same(undisturbed, trained(data, tmp_path))


def test_muon_goes_on_to_the_same_bits_and_keeps_off_what_does_not_exist(data: Dataset, tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer="muon", peak_lr=0.05, other_lr=0.1, sides=(16, 32))
    whole = trained(data, tmp_path / "whole", recipe=recipe)

    def progress(done: int, total: int, loss: float) -> None:
        if done == STEPS + 2:
            fail()

    with pytest.raises(RuntimeError, match="power cut"):
        trained(data, tmp_path / "cut", progress, recipe)
    assert same(whole, trained(data, tmp_path / "cut", recipe=recipe))
    for at, layer in enumerate(new_network().layers):
        if layer.mask is not None:
            assert not whole[f"layers.{at}.weight"][layer.mask == 0].any()


def test_a_finished_training_is_not_done_again(data: Dataset, undisturbed: Weights, tmp_path: Path) -> None:
    """As after a crash between the last checkpoint and what is made of the weights."""
    trained(data, tmp_path)
    seen: list[int] = []
    assert same(undisturbed, trained(data, tmp_path, lambda done, total, loss: seen.append(done)))
    assert seen == []


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_a_new_start(
    data: Dataset, undisturbed: Weights, tmp_path: Path, damage: bytes | None
) -> None:
    trained(data, tmp_path, recipe=RECIPE)
    file = tmp_path / CHECKPOINT
    file.write_bytes(file.read_bytes()[:-2000] if damage is None else damage)
    assert same(undisturbed, trained(data, tmp_path))


SCRIPT = """
import os, signal
from pathlib import Path
from small import dataset
from training.test_train import trained

def progress(done, total, loss):
    if done == {step}:
        os.kill(os.getpid(), signal.SIGKILL)

trained(dataset(), Path({folder!r}), progress)
"""


@pytest.mark.parametrize("step", [STEPS + 1, 3 * STEPS])
def test_a_killed_process_changes_no_bit(data: Dataset, undisturbed: Weights, tmp_path: Path, step: int) -> None:
    assert exit_code(SCRIPT.format(folder=str(tmp_path), step=step)) == -signal.SIGKILL
    assert (tmp_path / CHECKPOINT).exists()
    assert same(undisturbed, trained(data, tmp_path))


def test_no_warning_and_nothing_printed(data: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError):
            trained(data, tmp_path, lambda done, total, loss: fail() if done > STEPS else None)
        trained(data, tmp_path)
    assert [str(warning.message) for warning in caught] == []
    assert capfd.readouterr() == ("", "")


def test_one_batch_in_one_epoch(data: Dataset, tmp_path: Path) -> None:
    network = new_network()
    before = network.layers[0].weight.detach().clone()  # type: ignore[union-attr, operator]
    train(network, data, data.train, Recipe(epochs=1, batch_size=1000), seed=0, folder=tmp_path)
    assert not torch.equal(before, network.layers[0].weight)  # type: ignore[arg-type]


def test_a_full_disk(data: Dataset, small_disk: Path) -> None:
    from sis_edge.files.disk import writing

    (small_disk / "ballast").write_bytes(bytes(2**20 - 8192))
    with pytest.raises(DiskError, match=r"cannot write .*small disk \(No space left"), writing(small_disk):
        trained(data, small_disk)


def test_the_recipe_of_a_data_set() -> None:
    cifar = default_recipe("cifar10", flip=True, precision="bf16")
    assert (cifar.epochs, cifar.batch_size, cifar.optimizer, cifar.flip, cifar.precision) == (
        17,
        256,
        "muon",
        True,
        "bf16",
    )
    svhn = default_recipe("svhn", flip=False, precision="fp32", epochs=2)
    assert svhn == replace(cifar, epochs=2, flip=False, precision="fp32")
    digits = default_recipe("digits", flip=False, precision="fp32")
    assert (digits.epochs, digits.batch_size, digits.optimizer) == (2, 32, "muon")
    assert "no flip" in digits.describe()
    assert Recipe(**digits.as_dict()) == digits


def test_weights_decay_in_kernels_only() -> None:
    network = new_network()
    optimizer = _optimizer(network, Recipe(weight_decay=0.125, peak_lr=0.25, momentum=0.5))
    decay = {p: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decay == {p: 0.125 * (p.ndim == 4) for p in network.parameters()}
    assert {(group["lr"], group["momentum"], group["nesterov"]) for group in optimizer.param_groups} == {
        (0.25, 0.5, True)
    }


@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_the_learning_rate_is_highest_after_the_warm_up(
    data: Dataset, optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingModule, "train_dataloader", lambda module: range(10))
    recipe = Recipe(epochs=5, warmup=0.2, peak_lr=0.25, other_lr=0.1, optimizer=optimizer)
    found = TrainingModule(new_network(), data, data.train, recipe, 0).configure_optimizers()
    schedule = found["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(49):
        rates.append(schedule.get_last_lr()[0])
        found["optimizer"].step()
        schedule.step()
    assert max(rates) == pytest.approx(0.25)
    assert rates.index(max(rates)) == 9  # of 50 steps the tenth


def test_the_loss_is_cross_entropy_with_smoothed_labels(data: Dataset) -> None:
    network = new_network()
    x, labels = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 3, 0, 1])
    loss = TrainingModule(network, data, data.train, Recipe(label_smoothing=0.2), 0).training_step((x, labels), 0)
    logs = torch.log_softmax(network(x), dim=1)
    wanted = torch.full((6, 4), 0.05)
    wanted[range(6), labels] += 0.8
    assert loss.item() == pytest.approx(-(wanted * logs).sum(dim=1).mean().item(), rel=1e-5)


@pytest.mark.parametrize(("field", "value"), [("epochs", 0), ("batch_size", 1)])
def test_a_recipe_that_trains_nothing(field: str, value: int) -> None:
    with pytest.raises(UsageError, match=str(value)):
        Recipe(**{field: value})  # type: ignore[arg-type]


def test_the_precision_is_always_the_same_answer() -> None:
    assert fastest_precision() in ("bf16", "fp32")
    assert fastest_precision() == fastest_precision()
