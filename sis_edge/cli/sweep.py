"""`sis-edge sweep`: many trainings, one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sis_edge.cli import complete, options
from sis_edge.cli.command import command
from sis_edge.cli.lists import names, once, shares, whole_numbers
from sis_edge.cli.own_images import EXCLUDES, own_images
from sis_edge.errors import SisEdgeError, UsageError
from sis_edge.registries import DATASETS, DISTRIBUTIONS, GRANULARITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sis_edge.cli.progress import Bars
    from sis_edge.datasets import OwnData
    from sis_edge.sweep.executors import ExecutorOptions
    from sis_edge.sweep.plan import SweepPlan
    from sis_edge.sweep.running import SweepResult
    from sis_edge.sweep.trial import Task

app = typer.Typer()


@command(app, excludes={"ray": ("jobs",), **EXCLUDES}, belongs={"cpus": ("ray",), "gpus": ("ray",)})
@own_images
def sweep(
    dataset: options.Dataset = "cifar10",
    preset: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Networks of the paper, comma-separated; or densities below.",
            autocompletion=complete.several(complete.presets),
        ),
    ] = "",
    t_c: Annotated[
        str, typer.Option("--t-c", metavar="SHARES", help="Densities of convolutional layers, such as 0.25,0.5,1.")
    ] = "",
    t_p: Annotated[
        str, typer.Option("--t-p", metavar="SHARES", help="Densities of micro networks; all pairs are tried.")
    ] = "",
    granularity: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"Granularities of convolutional layers, comma-separated: {GRANULARITIES.listed()}; block:16 for "
            "blocks of 16 filters.",
            autocompletion=complete.several(lambda: GRANULARITIES),
        ),
    ] = "kernel",
    distribution: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help=f"Distributions (Theta), comma-separated: {DISTRIBUTIONS.listed()}.",
            autocompletion=complete.several(lambda: DISTRIBUTIONS),
        ),
    ] = "uniform",
    theta: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="One more distribution, of your own: an .npz file as `form --theta` takes; given several times, they "
            "are compared.",
        ),
    ] = None,
    seeds: Annotated[
        str, typer.Option(metavar="LIST", help="Random seeds for graph, weights and data order, such as 0,1,2.")
    ] = "0",
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SETTINGS",
            help="Changes of the data set's recipe, such as cutout=8,ema_decay=0.999; given several times, the recipes "
            "are compared. [default: default]",
        ),
    ] = None,
    epochs: options.Epochs = None,
    limit: options.Limit = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Hold out the last N training images to measure accuracy; test images are never used. "
            "[default: a tenth]",
        ),
    ] = None,
    precision: options.TrainingPrecision = None,
    data_dir: options.DataDir = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Parallel trials on this machine. [default: 1]")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run the trials on a Ray cluster: HOST:PORT, ray://HOST:10001, or auto."),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With --ray: CPUs per trial. [default: 1]")
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="NUMBER", help="With --ray: GPUs per trial, such as 0.5. [default: 1 where there are any]"
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for trials and tables. [default: sweeps/DATASET]")
    ] = None,
    as_json: options.Json = False,
    own: "OwnData | None" = None,
) -> None:
    """Train every combination and compare accuracies; finished trials are not repeated."""
    from sis_edge.cli.progress import bars
    from sis_edge.sweep import executors
    from sis_edge.sweep.plan import SweepPlan, budgets
    from sis_edge.training.changes import DEFAULT

    DATASETS.checked(dataset)
    dataset = dataset if own is None else own.name
    chosen = executors.ExecutorOptions(jobs, ray, cpus, gpus)
    plan = SweepPlan(
        dataset=dataset,
        budgets=budgets(once(names(preset)), shares("--t-c", t_c), shares("--t-p", t_p)),
        granularities=once(names(granularity)),
        distributions=once(names(distribution)),
        seeds=whole_numbers("--seeds", seeds, "seeds", options.SEEDS, "0,1,2"),
        folder=folder or Path("sweeps") / dataset,
        epochs=epochs,
        precision=precision,
        train_limit=limit,
        held_out=held_out,
        data_dir=data_dir,
        own=own,
        recipes=once(recipe or [DEFAULT]),
        thetas=_thetas(theta or []),
    )
    with bars("sweep") as shown:
        found = _run(plan, chosen, shown)
    _tell(found, as_json)


def _thetas(paths: list[Path]) -> "dict[str, dict[str, NDArray[Any]]]":
    """The arrays of each file, by its name; raises UsageError for files that cannot be read, or have one name."""
    from sis_edge.formation import theta

    found: dict[str, dict[str, NDArray[Any]]] = {}
    for path in paths:
        if path.stem in found:
            raise UsageError(
                f"two files of --theta have the name {path.stem}, by which a table tells them apart; rename one"
            )
        found[path.stem] = theta.load(path)
    return found


def _run(plan: "SweepPlan", chosen: "ExecutorOptions", shown: "Bars") -> "SweepResult":
    from sis_edge.sweep import executors, running

    def on_trial(done: int, total: int, what: str) -> None:
        if what:
            shown.note(f"trial {done} of {total}: {what}")
        shown.show("trials", done, total, f"{done} of {total} finished" if done == total else "", "trials")

    def on_step(task: "Task", done: int, total: int, loss: float) -> None:
        label = f"train {task.name}"
        shown.show(label, done, total, f"loss {loss:.3f}", "steps")
        if done == total:
            shown.drop(label)  # a line of its own says what came of it

    return running.run(plan, executors.executor(chosen, on_step, say=shown.note), on_trial)


def _tell(found: "SweepResult", as_json: bool) -> None:
    """Write and show the tables; raises SisEdgeError where a trial failed, after that."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.sweep import swept
    from sis_edge.sweep.summary import summarise
    from sis_edge.sweep.tables import SweepReport, to_terminal, write

    report = SweepReport(found, summarise(found))
    written = write(report, found.plan.folder)
    if not as_json:
        console.out.print(to_terminal(report))
        console.out.print()
        for sentence in report.sentences:
            console.out.print(f"- {sentence}")
        for path in written:
            console.out.print(str(path), soft_wrap=True)
    for _, failure in found.failures:
        if failure.details:
            console.log.print(failure.details, soft_wrap=True)
    if found.failures:
        count, total = len(found.failures), len(found.prepared.tasks)
        raise SisEdgeError(f"{count} of {total} trials failed; run the same command again to retry only those")
    if as_json:
        console.document(swept(report, written))
