"""`sis-edge sweep`: many trainings, one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sis_edge.errors import SisEdgeError, UsageError

if TYPE_CHECKING:
    from sis_edge.sweep.running import SweepResult
    from sis_edge.sweep.trial import Task

app = typer.Typer()


@app.command()
def sweep(
    dataset: Annotated[str, typer.Option(help="cifar10, svhn, fashion_mnist or digits.")] = "cifar10",
    preset: Annotated[str, typer.Option(help="Networks of the paper, with commas between; or shares below.")] = "",
    t_c: Annotated[str, typer.Option("--t-c", help="Shares of the convolutional layers' units, as 0.25,0.5,1.")] = "",
    t_p: Annotated[str, typer.Option("--t-p", help="Shares of the micro networks' units; all pairs are tried.")] = "",
    granularity: Annotated[
        str, typer.Option(help="Of convolutional layers: kernel,neuron,block,block:16,nm,synapse.")
    ] = "kernel",
    distribution: Annotated[str, typer.Option(help="uniform,erk,constant-fan-in,degree-balanced,centred.")] = "uniform",
    seeds: Annotated[str, typer.Option(help="Of graph, weights and order of images, as 0,1,2.")] = "0",
    epochs: Annotated[int | None, typer.Option(min=1, help="Training epochs. [default: the data set's recipe]")] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Train on the first images only.")] = None,
    held_out: Annotated[
        int | None,
        typer.Option(
            min=1, help="The last training images, kept for accuracy; test images are never used. [default: a tenth]"
        ),
    ] = None,
    precision: Annotated[
        Literal["bf16", "fp32"] | None, typer.Option(help="What training computes in. [default: the faster here]")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="A folder with your own copy of the data set's files.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Trials at a time on this machine. [default: 1]")] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="A Ray cluster to run the trials on: HOST:PORT, ray://HOST:10001, or auto."
        ),
    ] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="With --ray: processors a trial. [default: 1]")] = None,
    gpus: Annotated[
        float | None, typer.Option(min=0, help="With --ray: GPUs a trial, as 0.5. [default: 1 where there are any]")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where trials and tables go. [default: sweeps/DATASET]")] = None,
) -> None:
    """Train every combination and compare their accuracy; trials that are done are not done again."""
    from sis_edge.cli.console import bars, log
    from sis_edge.sweep import executors, running
    from sis_edge.sweep.plan import SweepPlan, budgets

    options = executors.ExecutorOptions(jobs, ray, cpus, gpus)
    plan = SweepPlan(
        dataset=dataset,
        budgets=budgets(_words(preset), _numbers("--t-c", t_c), _numbers("--t-p", t_p)),
        granularities=_words(granularity),
        distributions=_words(distribution),
        seeds=_seeds(seeds),
        folder=folder or Path("sweeps") / dataset,
        epochs=epochs,
        precision=precision,
        train_limit=limit,
        held_out=held_out,
        data_dir=data_dir,
    )
    with bars() as shown:

        def on_trial(done: int, total: int, what: str) -> None:
            if what:
                log.print(f"trial {done} of {total}: {what}", soft_wrap=True)
            shown.show("trials", done, total, "all there" if done == total else "")

        def on_step(task: "Task", done: int, total: int, loss: float) -> None:
            label = f"train {task.name}"
            shown.show(label, done, total, f"loss {loss:.3f}")
            if done == total:
                shown.drop(label)  # a line of its own tells what came of it

        executor = executors.executor(options, on_step, say=lambda message: log.print(message, soft_wrap=True))
        result = running.run(plan, executor, on_trial)
    _show(result)


def _show(result: "SweepResult") -> None:
    """Show and write the table; raises SisEdgeError where a trial failed, after that."""
    from sis_edge.cli.console import log, out
    from sis_edge.sweep.summary import summarise
    from sis_edge.sweep.tables import SweepReport, to_terminal, write

    report = SweepReport(result, summarise(result))
    out.print(to_terminal(report))
    for sentence in report.sentences:
        out.print(f"- {sentence}")
    for path in write(report, result.plan.folder):
        out.print(str(path), soft_wrap=True)
    for _, failure in result.failures:
        if failure.details:
            log.print(failure.details, soft_wrap=True)
    if result.failures:
        count, total = len(result.failures), len(result.prepared.tasks)
        raise SisEdgeError(f"{count} of {total} trials failed; the same command tries those again, and no others")


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in _words(text))
    except ValueError:
        raise UsageError(f"{option} {text} is no list of numbers; give shares as 0.25,0.5,1") from None


def _seeds(text: str) -> tuple[int, ...]:
    try:
        found = tuple(int(word) for word in _words(text))
    except ValueError:
        found = ()
    if not found or not all(0 <= seed < 2**32 for seed in found):
        raise UsageError(f"--seeds {text} is no list of seeds; give whole numbers from 0 as 0,1,2")
    return found
