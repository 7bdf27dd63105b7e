"""`sis-edge export-run` and `import-run`: a stored run with its bundle as one archive, for somebody else."""

from pathlib import Path
from typing import Annotated

import typer

from sis_edge.cli import options
from sis_edge.cli.command import command

app = typer.Typer()


@command(app, "export-run", excludes={"bundle": ("build_dir",)})
def export_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Stored run: an id, file, folder (its newest) or latest.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Archive to write, a tar file.")],
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The run's bundle. [default: by its id, in the build folder]"),
    ] = None,
    manifest_only: Annotated[
        bool, typer.Option("--manifest-only", help="Leave out the bundle's files; its manifest has their hashes.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEY", help="Sign with this SSH key: private, or public with ssh-agent."),
    ] = None,
    runs_dir: options.RunsDir = Path("runs"),
    build_dir: options.BuildDir = Path("build"),
    as_json: options.Json = False,
) -> None:
    """Write a run and its bundle to one archive that others can verify and report. It has all host names of the run."""
    from sis_edge.bundles.verify import open_bundle
    from sis_edge.cli import console
    from sis_edge.cli.documents.verified import exported
    from sis_edge.results import store
    from sis_edge.results.named import path_of
    from sis_edge.verifying.export import export

    path = path_of(run, runs_dir)
    there = build_dir if bundle is None else open_bundle(bundle)
    written = export(path, there, output, manifest_only=manifest_only, key=key)
    found = exported(store.load(path), written)
    if as_json:
        console.document(found)
    else:
        console.out.print(f"{written} ({found.size_bytes / 1e6:.1f} MB, SHA-256 {found.sha256})", soft_wrap=True)


@command(app, "import-run")
def import_run(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="Archive that `export-run` wrote.")],
    bundle: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Unpack the bundle, too, to this new folder.")
    ] = None,
    signers: options.Signers = None,
    runs_dir: options.RunsDir = Path("runs"),
    as_json: options.Json = False,
) -> None:
    """Verify an archive and add its run to the stored runs; nothing is added if a byte has changed."""
    from sis_edge.cli import console
    from sis_edge.cli.documents.verified import imported
    from sis_edge.errors import RecordError
    from sis_edge.results import store
    from sis_edge.verifying.archive import is_archive
    from sis_edge.verifying.received import keep

    if not is_archive(archive):
        raise RecordError(f"{archive} is not an archive of a run; `sis-edge export-run` writes one")
    path, was_there = keep(archive, runs_dir, bundle, signers)
    if as_json:
        console.document(imported(store.load(path), path, bundle, was_there=was_there))
        return
    console.out.print(f"{path}{' was there already' if was_there else ''}", soft_wrap=True)
    if bundle is not None:
        console.out.print(str(bundle), soft_wrap=True)
