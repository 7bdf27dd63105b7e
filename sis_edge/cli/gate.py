"""`sis-edge gate`: let a candidate pass, or stop it, by what it costs against its base."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sis_edge.cli import gating, options, reach
from sis_edge.cli.command import command, gathered
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.build.given.request import GivenRequest

app = typer.Typer()


@command(
    app,
    excludes={"against": ("base",), "base": ("force",), "board": ("host", "profile")},
    needs={"force": ("against",)},
)
@reach.board
@gathered("how", gating.asked)
@gathered("model", gating.models)
def gate(
    *,
    candidate: Annotated[
        str,
        typer.Argument(metavar="CANDIDATE", help="Bundle folder, ONNX or TFLite file, or REV:PATH of either in git."),
    ],
    base: Annotated[
        str | None, typer.Option(metavar="BASE", help="What the candidate is compared with, named in the same way.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Compare with this stored run instead; measures the candidate only."),
    ] = None,
    max_regress: Annotated[
        str,
        typer.Option(
            metavar="SHARES",
            help="Largest accepted regression: 2%, or by metric: latency=2%,memory=5%. Accuracy in points.",
        ),
    ] = "2%",
    require: Annotated[
        str, typer.Option(metavar="METRICS", help="Fail if these metrics were not measured, comma-separated.")
    ] = "latency",
    undecided: Annotated[
        Literal["pass", "fail"],
        typer.Option(help="What an undecided metric means: one whose interval contains the limit."),
    ] = "pass",
    force: Annotated[
        bool, typer.Option("--force", help="Compare with a run of another board or runtime, too.")
    ] = False,
    connect: reach.Way,
    board: options.BoardName = None,
    profile: options.BoardProfile = None,
    how: gating.GateMeasuring,
    model: "GivenRequest",
    junit_file: Annotated[Path | None, gating.file("Write JUnit XML.", "--junit")] = None,
    markdown_file: Annotated[
        Path | None, gating.file("Write Markdown, for a comment on a pull request.", "--markdown")
    ] = None,
    benchmark_file: Annotated[
        Path | None, gating.file("Write JSON for github-action-benchmark (customSmallerIsBetter).", "--benchmark-json")
    ] = None,
    build_dir: options.BuildDir = Path("build"),
    runs_dir: options.RunsDir = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Fail if a candidate is worse than its base in latency, energy, memory, accuracy or size: a gate for CI.

    Both are measured in one job, in the same rounds. A metric regresses only if its whole 95% interval is beyond the
    limit, and a second job confirms it. Exit code 12 if the candidate does not pass.
    """
    from sis_edge.board.measure import StoredFile
    from sis_edge.cli.progress import bars
    from sis_edge.gate import limits, run
    from sis_edge.gate.formats import benchmark, junit, markdown
    from sis_edge.gate.result import Rules
    from sis_edge.results import store

    if base is None and against is None:
        raise UsageError("there is nothing to compare with; name a base with --base, or a stored run with --against")
    rules = Rules(limits.limits(max_regress), limits.required(require), undecided == "fail")
    files = gating.checked_files(
        {junit_file: junit.junit, markdown_file: markdown.markdown, benchmark_file: benchmark.benchmark}
    )
    asked = how.asked
    with bars("gate") as shown, tempfile.TemporaryDirectory(prefix="sis-edge-gate-") as folder:
        named = [name for name in (candidate, base) if name is not None]
        opened = gating.opened(named, model, connect.profile(profile), build_dir, Path(folder), asked, shown.note)
        with gating.measurer(opened[0], how, connect, board, profile, runs_dir, shown) as measure:
            if against is None:
                joined = Path(folder) / "joined"
                result = run.together(opened[1], opened[0], measure, joined, rules, asked.networks, shown.note)
            else:
                reference = StoredFile(store.load(against), against)
                result = run.against(reference, opened[0], measure, rules, asked.networks, force=force, say=shown.note)
    gating.finish(result, files, as_json=as_json)
