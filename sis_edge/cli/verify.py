"""`sis-edge verify`: whether a stored run, or an archive of one, is what was stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

if TYPE_CHECKING:
    from sis_edge.verifying.link import Verification

app = typer.Typer()

Run = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Stored run: an id, file, folder (its newest) or latest; or an archive of one."),
]


@command(app, excludes={"bundle": ("build_dir",)})
def verify(
    run: Run,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The run's bundle. [default: by its id, in the build folder]"),
    ] = None,
    with_dataset: Annotated[
        bool, typer.Option("--data", help="Load the data set and check its hash, too; downloads what is missing.")
    ] = False,
    signers: options.Signers = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail also if anything could not be checked.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
    build_dir: options.BuildDir = Path("build"),
    as_json: options.Json = False,
) -> None:
    """Check a stored run against its hashes: record, bundle, weights, graphs, data. Exit code 9 if a byte changed."""
    from sis_edge.bundles.verify import open_bundle
    from sis_edge.cli import console
    from sis_edge.errors import UsageError
    from sis_edge.results.named import path_of
    from sis_edge.verifying import archive, chain, received

    path = path_of(run, runs_dir)
    if archive.is_archive(path):
        if bundle is not None:
            raise UsageError(f"{path} is an archive, and has its bundle; leave out --bundle")
        with received.unpacked(path, build_dir, signers=signers, with_dataset=with_dataset) as there:
            found = there.found
    else:
        found = chain.verify(path, open_bundle(bundle) if bundle else build_dir, with_dataset=with_dataset)
    if as_json:
        from sis_edge.cli.documents.verified import verified

        console.document(verified(path, found))
    else:
        show(found)
    _judge(path, found, strict=strict)


def show(found: "Verification") -> None:
    """A line for each link of the chain."""
    from sis_edge.cli.console import out

    out.print(f"run {found.run_id}, bundle {found.bundle_id}", soft_wrap=True)
    for each in found.links:
        out.print(f"{each.state:<11}  {each.subject}: {each.text}", soft_wrap=True)
    if found.not_signed:
        out.print(f"signature: {found.not_signed}", soft_wrap=True)


def _judge(path: Path, found: "Verification", *, strict: bool) -> None:
    from sis_edge.errors import RecordError

    if found.changed:
        subjects = ", ".join(each.subject for each in found.changed)
        raise RecordError(f"{path} is not as it was stored, or what it names is not: {subjects}; do not rely on it")
    if strict and found.unchecked:
        subjects = ", ".join(each.subject for each in found.unchecked)
        raise RecordError(
            f"not everything about {path} could be checked: {subjects}; leave out --strict to accept that"
        )
