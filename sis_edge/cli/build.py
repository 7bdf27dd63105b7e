"""`sis-edge build`: from presets to a bundle."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import complete, given_networks, options, verbosity
from sis_edge.cli.command import command
from sis_edge.cli.lists import backends, names, share
from sis_edge.cli.own_images import EXCLUDES, own_images
from sis_edge.registries import DATASETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sis_edge.build.default_networks import DefaultNetworks
    from sis_edge.build.pipeline import BuildResult
    from sis_edge.bundles.manifest import NetworkEntry, Training
    from sis_edge.bundles.sparse_form import SparseForm, WinogradError
    from sis_edge.bundles.verify import Bundle
    from sis_edge.datasets import Dataset, OwnData
    from sis_edge.profiles import DeviceProfile

app = typer.Typer()


@command(app, excludes={"network": ("networks",), **EXCLUDES}, needs={"t_c": ("network",), "t_p": ("network",)})
@own_images
def build(
    profile: options.Profile,
    dataset: options.Dataset = "cifar10",
    backend: options.BuildBackend = None,
    networks: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Presets or graph files (.npz), comma-separated. [default: nin and those of the paper's three SiS "
            "networks that the zoo has, so that nothing is trained]",
            autocompletion=complete.several(complete.presets),
        ),
    ] = None,
    network: options.Network = None,
    t_c: Annotated[
        str, typer.Option("--t-c", metavar="SHARE", help="Density of --network's convolutional layers.")
    ] = "0.25",
    t_p: Annotated[
        str, typer.Option("--t-p", metavar="SHARE", help="Density of its 1 x 1 and linear layers.")
    ] = "0.5",  # the usual densities leave a sixth to a quarter of the synapses: half of the neurons keep a quarter
    epochs: options.Epochs = None,
    recipe: options.Recipe = None,
    teacher: options.Teacher = None,
    rewire: options.Rewire = False,
    seed: options.TrainingSeed = 0,
    limit: options.Limit = None,
    test_images: Annotated[
        int, typer.Option(min=32, metavar="N", help="Test images in the bundle, to measure accuracy on the board.")
    ] = 500,
    data_dir: options.DataDir = None,
    precision: options.TrainingPrecision = None,
    devices: Annotated[int, typer.Option(min=1, metavar="N", help="Devices per node for distributed training.")] = 1,
    num_nodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of nodes; run this same command on each.")
    ] = 1,
    from_zoo: Annotated[
        bool | None,
        typer.Option(
            "--from-zoo/--train",
            help="Take trained networks from the zoo, or train all anew. [default: train what the zoo lacks]",
        ),
    ] = None,
    exact: options.Exact = False,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Bundle name. [default: PROFILE-DATASET, with --network also its name]"),
    ] = None,
    build_dir: options.BuildDir = Path("build"),
    as_json: options.Json = False,
    own: "OwnData | None" = None,
) -> None:
    """Form, train, compact, export and bundle networks for a board; finished stages are not repeated.

    --network builds another network than the paper's, dense and with the densities --t-c and --t-p.
    """
    from sis_edge import datasets, profiles
    from sis_edge.board import calibrate
    from sis_edge.build import own_network, pipeline
    from sis_edge.build.plan import BuildPlan
    from sis_edge.cli.progress import bars
    from sis_edge.profiles.untried import untried
    from sis_edge.training import distributed, stage

    conv, micro = (share(f"--{name}", text, up_to_one=True) for name, text in (("t-c", t_c), ("t-p", t_p)))
    board = profiles.built_for(profiles.load(profile), *(() if backend is None else backends(backend)))
    DATASETS.checked(dataset)
    group = distributed.join(devices, num_nodes)
    if group is not None and not group.is_rank_zero:
        return stage.follow(group, data_dir, own)
    data = _own_dataset(own)
    dataset = dataset if data is None else data.name
    if network is not None:
        data = data or datasets.load(dataset, data_dir=data_dir)
        chosen = own_network.choose(board, data, network, conv, micro)
    else:
        trains = _trains(from_zoo, seed or None, epochs, limit, precision, recipe, teacher, rewire or None)
        chosen = _papers(board, dataset, data, data_dir, networks, trains)
    with bars("build") as shown, nullcontext() if group is None else group.leading():
        plan = BuildPlan(
            profile=board,
            dataset=dataset,
            networks=chosen.networks,
            folder=build_dir,
            name=_name(board.name, dataset, chosen.reference) if name is None else name,
            seed=seed,
            epochs=epochs,
            train_limit=limit,
            test_images=test_images,
            data_dir=data_dir,
            precision=precision,
            recipe=recipe,
            teacher=teacher,
            rewires=rewire,
            weights="either" if from_zoo is None else "zoo" if from_zoo else "train",
            calibration=lambda: calibrate.for_build(board, say=shown.note),
            exact=exact,
            group=group,
            reference=chosen.reference,
            data=data,
        )
        result = pipeline.build(plan, shown.step)
    if as_json:
        _print_document(result, chosen.left_out)
    else:
        _show_result(result, chosen.left_out, f"granularity {board.networks.conv}, {dataset}", untried(board))


def _print_document(result: "BuildResult", left_out: tuple[str, ...]) -> None:
    from sis_edge.cli import console
    from sis_edge.cli.documents.bundles import built

    console.document(built(result, left_out))


def _papers(
    board: "DeviceProfile", dataset: str, data: "Dataset | None", data_dir: Path | None, given: str | None, trains: bool
) -> "DefaultNetworks":
    """The paper's networks that were named, or those that are built by default."""
    from sis_edge import datasets
    from sis_edge.build import default_networks

    classes = datasets.class_count(dataset, data_dir=data_dir) if data is None else len(data.classes)
    return default_networks.choose(board, dataset, trains=trains, classes=classes, names=_names(given))


def _trains(from_zoo: bool | None, *of_training: object) -> bool:
    """Whether something is trained anyway: what is asked of a training is not what the zoo's networks had."""
    return from_zoo is False or (from_zoo is None and any(value is not None for value in of_training))


def _names(networks: str | None) -> tuple[str, ...] | None:
    return None if networks is None else names(networks)


def _name(*parts: str | None) -> str:
    return "-".join(filter(None, parts))


def _own_dataset(own: "OwnData | None") -> "Dataset | None":
    """The user's own images, decoded into the cache first where that was not done before."""
    from sis_edge.cli.progress import bars

    if own is None:
        return None
    with bars(f"decode {own.name}", draws_itself=True):
        return own.load(progress=not verbosity.is_quiet())


def _show_result(result: "BuildResult", left_out: tuple[str, ...], wanted: str, untried: "Iterable[str]") -> None:
    from sis_edge.cli.console import out

    bundle = result.bundle
    if result.was_done:
        out.print(f"Nothing to do: {bundle.path} is complete and every file is sound.", soft_wrap=True)
    else:
        show(bundle)
    if result.replaced is not None:
        was = f"{result.replaced.id} ({', '.join(result.replaced.manifest.names)})"
        out.print(f"It replaces bundle {was} in the same folder; --name NAME keeps both.", soft_wrap=True)
    if left_out:
        out.print(
            f"Left out, because the zoo does not have them for this board ({wanted}): {', '.join(left_out)}. --train "
            "trains all networks here; --networks NAMES trains those named that the zoo lacks.",
            soft_wrap=True,
        )
    for sentence in untried:
        out.print(f"Not tried on hardware: {sentence}.", soft_wrap=True)


def show(bundle: "Bundle") -> None:
    """A bundle's networks as a table of at most 80 columns."""
    from sis_edge.cli.console import out
    from sis_edge.report.grid import grid

    manifest = bundle.manifest
    sizes = {entry.path: entry.size_bytes for entry in manifest.files}
    headings: tuple[str, ...] = ("network", "synapses", "arch. eff.", "MAC ratio", "accuracy", "paper", "ONNX kB")
    lines = [_cells(entry, sizes[entry.model]) for entry in manifest.networks]
    if all(entry.paper_accuracy is None for entry in manifest.networks):  # of networks that the paper does not have
        headings, *lines = [tuple(cells[:5] + cells[6:]) for cells in (headings, *lines)]
    title = f"{manifest.name}: {manifest.content} for {manifest.profile}"
    if lines:
        out.print(grid(headings, lines, title=title, words=["network"], whole=["network"]))
        out.print()
    if manifest.given:
        given_networks.show(manifest.given, sizes, title)
    for sentence in (*_accuracies(manifest.networks), *native_kernels(bundle)):
        out.print(sentence)
    out.print(f"Bundle {bundle.id}: {bundle.path}", soft_wrap=True)


def _cells(entry: "NetworkEntry", model_bytes: int) -> tuple[str, ...]:
    return (
        entry.name,
        f"{entry.synapses:,}",
        f"{entry.architectural_efficiency:.2f}x",
        f"{entry.mac_ratio:.2f}x",
        f"{entry.training.host_accuracy:.4f}",
        "-" if entry.paper_accuracy is None else f"{entry.paper_accuracy:.4f}",
        f"{model_bytes / 1000:,.0f}",
    )


def _accuracies(networks: "tuple[NetworkEntry, ...]") -> "Iterator[str]":
    """How the networks were trained: a sentence for each way."""
    trained: dict[str, list[str]] = {}
    for entry in networks:
        trained.setdefault(_trained(entry.training), []).append(entry.name)
    for how, names_of in trained.items():
        of = f" of {', '.join(names_of)}" if len(trained) > 1 else ""
        yield f"accuracy{of}: {how}"


def _trained(training: "Training") -> str:
    where = "trained here" if training.zoo is None else "from the zoo"
    images = f"{where}, on {training.host_test_images:,} test images"
    if training.epochs is None:
        return f"{images}, {training.recipe}"
    epochs = f"{training.epochs} epoch{'s' if training.epochs > 1 else ''}"
    taught = "" if training.teacher is None else f", taught by {training.teacher}"
    return f"{images}, after {epochs} of {training.train_images:,} images{taught}"


def _choices(form: "SparseForm") -> str:
    """What computes each layer, and why: layers of one reason together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for layer in form.layers:
        groups.setdefault((layer.words, layer.why), []).append(layer.layer)
    return "; ".join(f"{' '.join(layers)} {chosen}, {why}" for (chosen, why), layers in groups.items())


def winograd(error: "WinogradError") -> str:
    """What Winograd's algorithm changes in a network, or why it is not used."""
    if error.left_out is not None:
        return f"without Winograd's algorithm: {error.left_out}"
    return (
        f"Winograd's algorithm changes logits by up to {error.error:.1g} of their range on {error.images} training "
        f"images; top-1 is the same on {error.test_images:,} test images"
    )


def native_kernels(bundle: "Bundle") -> list[str]:
    """What native kernels compute in a bundle's networks, a sentence for each difference; none where nobody asked."""
    forms = [(entry.name, entry.sparse) for entry in bundle.manifest.networks if entry.sparse is not None]
    found = []
    for basis in dict.fromkeys(form.basis for _, form in forms if form.network):
        layers = ", ".join(
            f"{name} {sum(layer.chosen == 'native' for layer in form.layers)} of {len(form.layers)} layers"
            for name, form in forms
            if form.network and form.basis == basis
        )
        found.append(f"native sparse kernels: {layers} ({basis})")
    found += [f"{name}: {_choices(form)}" for name, form in forms if form.network]
    found += [f"{name}: {winograd(form.winograd)}" for name, form in forms if form.winograd]
    in_int8 = ((entry.name, entry.int8_expected_s) for entry in bundle.manifest.networks)
    expected = ", ".join(f"{name} {seconds * 1e3:.3g} ms" for name, seconds in in_int8 if seconds is not None)
    found += [f"expected per image in INT8, all by native kernels: {expected}"] if expected else []
    found += [f"Warning: {doubt}." for doubt in dict.fromkeys(form.doubt for _, form in forms) if doubt]
    for reason in dict.fromkeys(form.absent for _, form in forms if form.absent):
        of = ", ".join(name for name, form in forms if form.absent == reason)
        found.append(f"no native sparse kernels in {of}: {reason}")
    return found
