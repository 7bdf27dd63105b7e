"""`sis-edge build`: from presets to a bundle."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sis_edge.registries import DATASETS

if TYPE_CHECKING:
    from sis_edge.bundles.manifest import SparseForm, Training
    from sis_edge.bundles.verify import Bundle

app = typer.Typer()

BuildDir = Annotated[Path, typer.Option("--build-dir", help="Where bundles and finished stages are kept.")]


@app.command()
def build(
    profile: Annotated[str, typer.Option(help="The board: a profile's name, or a TOML file.")],
    dataset: Annotated[str, typer.Option(help="cifar10, svhn, fashion_mnist or digits.")] = "cifar10",
    networks: Annotated[
        str | None,
        typer.Option(
            help="Presets or graph files (.npz), with commas between. [default: nin and the paper's three SiS "
            "networks; of these what the zoo has, so that nothing is trained]"
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Training epochs. [default: the data set's recipe]")] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the initial weights and the order of images.")
    ] = 0,
    limit: Annotated[
        int | None, typer.Option(min=2, help="Train on the first images only: for a quick try, and said in the report.")
    ] = None,
    test_images: Annotated[
        int, typer.Option(min=32, help="Test images in the bundle, for accuracy on the board.")
    ] = 500,
    data_dir: Annotated[Path | None, typer.Option(help="A folder with your own copy of the data set's files.")] = None,
    precision: Annotated[
        Literal["bf16", "fp32"] | None, typer.Option(help="What training computes in. [default: the faster here]")
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, help="Devices that train a network together: GPUs, or processes of a processor.")
    ] = 1,
    num_nodes: Annotated[
        int, typer.Option(min=1, help="Machines that do, with so many devices each; this command runs on every one.")
    ] = 1,
    from_zoo: Annotated[
        bool | None,
        typer.Option(
            "--from-zoo/--train",
            help="Take trained networks that come with sis-edge, or train anew. [default: train what the zoo lacks]",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The bundle's name. [default: PROFILE-DATASET]")] = None,
    build_dir: BuildDir = Path("build"),
) -> None:
    """Form, train, compact, export and bundle networks for a board; stages that are done are not done again."""
    from sis_edge import profiles
    from sis_edge.board import calibrate
    from sis_edge.build import default_networks, pipeline
    from sis_edge.build.networks import plan_networks
    from sis_edge.build.plan import BuildPlan
    from sis_edge.cli.console import bars, log, out
    from sis_edge.training import distributed, stage

    board = profiles.load(profile)
    DATASETS.checked(dataset)
    group = distributed.join(devices, num_nodes)
    if group is not None and not group.is_rank_zero:
        stage.follow(group, data_dir)
        return
    if networks is None:
        asked = seed or any(value is not None for value in (epochs, limit, precision))
        chosen = default_networks.choose(board, dataset, trains=from_zoo is False or (from_zoo is None and bool(asked)))
    else:
        names = tuple(filter(None, (part.strip() for part in networks.split(","))))
        chosen = default_networks.DefaultNetworks(plan_networks(names, board.networks))
    plan = BuildPlan(
        profile=board,
        dataset=dataset,
        networks=chosen.networks,
        folder=build_dir,
        name=f"{board.name}-{dataset}" if name is None else name,
        seed=seed,
        epochs=epochs,
        train_limit=limit,
        test_images=test_images,
        data_dir=data_dir,
        precision=precision,
        weights="either" if from_zoo is None else "zoo" if from_zoo else "train",
        calibration=lambda: calibrate.for_build(board, say=lambda message: log.print(message, soft_wrap=True)),
        group=group,
    )
    with bars() as shown, nullcontext() if group is None else group.leading():
        result = pipeline.build(plan, shown.step)
    if result.was_done:
        out.print(f"Nothing to do: {result.bundle.path} is built and every file is sound.", soft_wrap=True)
    else:
        show(result.bundle)
    if chosen.left_out:
        out.print(
            "Left out, since the zoo does not have them for this board "
            f"(granularity {board.networks.conv}, {dataset}): {', '.join(chosen.left_out)}; "
            "--train trains all networks here, --networks NAMES trains of those named what the zoo lacks.",
            soft_wrap=True,
        )


def show(bundle: "Bundle") -> None:
    """A bundle's networks as a table of at most 80 columns."""
    from rich.table import Table

    from sis_edge.cli.console import out

    manifest = bundle.manifest
    table = Table(title=f"{manifest.name}: {manifest.dataset} for {manifest.profile}", title_justify="left")
    table.add_column("network", no_wrap=True, overflow="fold")
    for heading in ("synapses", "arch. eff.", "MAC ratio", "accuracy", "paper", "ONNX kB"):
        table.add_column(heading, justify="right")
    sizes = {entry.path: entry.size_bytes for entry in manifest.files}
    for entry in manifest.networks:
        table.add_row(
            entry.name,
            f"{entry.synapses:,}",
            f"{entry.architectural_efficiency:.2f}x",
            f"{entry.mac_ratio:.2f}x",
            f"{entry.training.host_accuracy:.4f}",
            "-" if entry.paper_accuracy is None else f"{entry.paper_accuracy:.4f}",
            f"{sizes[entry.model] / 1000:,.0f}",
        )
    out.print(table)
    trained: dict[str, list[str]] = {}
    for entry in manifest.networks:
        trained.setdefault(_trained(entry.training), []).append(entry.name)
    for how, names in trained.items():
        of = f" of {', '.join(names)}" if len(trained) > 1 else ""
        out.print(f"accuracy{of}: {how}")
    for sentence in native_kernels(bundle):
        out.print(sentence)
    out.print(f"Bundle {bundle.id}: {bundle.path}", soft_wrap=True)


def _trained(training: "Training") -> str:
    where = "on this machine" if training.zoo is None else "as the zoo has it"
    images = f"{where}, {training.host_test_images:,} test images"
    if training.epochs is None:
        return f"{images}, {training.recipe}"
    epochs = f"{training.epochs} epoch{'s' if training.epochs > 1 else ''}"
    return f"{images}, after {epochs} of {training.train_images:,} images"


def _choices(form: "SparseForm") -> str:
    """What computes each layer, and why: layers of one reason together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for layer in form.layers:
        groups.setdefault((layer.chosen, layer.why), []).append(layer.layer)
    return "; ".join(f"{' '.join(layers)} {chosen}, {why}" for (chosen, why), layers in groups.items())


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
    found += [f"Warning: {doubt}." for doubt in dict.fromkeys(form.doubt for _, form in forms) if doubt]
    for reason in dict.fromkeys(form.absent for _, form in forms if form.absent):
        names = ", ".join(name for name, form in forms if form.absent == reason)
        found.append(f"no native sparse kernels in {names}: {reason}")
    return found
