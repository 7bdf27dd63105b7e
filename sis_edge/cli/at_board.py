"""What `deploy` and `jobs` do alike with a job that was started before."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sis_edge.cli.reach import Way
from sis_edge.errors import UsageError

if TYPE_CHECKING:
    from sis_edge.board.measure import StoredFile
    from sis_edge.board.session import BoardSession
    from sis_edge.cli.documents.base import Document
    from sis_edge.profiles import DeviceProfile


def profile_of(
    connect: Way, named: str | None, bundle: Path | None = None, build_dir: Path = Path("build")
) -> "DeviceProfile":
    """The profile that is named or is the inventory's, else the bundle's, else this machine's: they say where the agent
    is on the board.
    """
    from sis_edge import profiles
    from sis_edge.bundles import verify as bundles

    if (name := connect.profile(named)) is not None:
        return connect.adapted(profiles.load(name))
    known = [bundles.open_bundle(bundle)] if bundle else bundles.readable(build_dir)
    try:
        return profiles.of_bundle(known[0].manifest.profile if known else "local")
    except UsageError:  # a profile's file that is not at hand
        return profiles.load("local")


@contextmanager
def session(connect: Way, profile: str | None) -> "Iterator[BoardSession]":
    """The board with its agent."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli import console

    known = profile_of(connect, profile)
    with closing(connect()) as transport:  # no bars: rich would print results among them, on standard error
        yield jobs_on_board.session(transport, known, lambda event: console.say(event.message))


def fetch(
    job_id: str,
    connect: Way,
    *,
    profile: str | None,
    bundle: Path | None,
    build_dir: Path,
    runs_dir: Path,
) -> "list[StoredFile]":
    """Wait for a job's end and store its run; no bundle is needed, since the board has its manifest."""
    from sis_edge.board.measure import collect
    from sis_edge.bundles import verify as bundles
    from sis_edge.cli.attending import attendance
    from sis_edge.cli.progress import bars

    agent_at = profile_of(connect, profile, bundle, build_dir)
    candidates = [bundles.open_bundle(bundle)] if bundle else bundles.readable(build_dir)
    with closing(connect()) as transport, bars("fetch") as shown:
        found = collect(
            *(job_id, candidates, transport, agent_at, runs_dir),
            is_bundle_named=bundle is not None,
            is_profile_named=connect.profile(profile) is not None,
            on_event=shown.event,
            attendance=attendance(connect.words, profile),
        )
    return [found]


def write_record(job_id: str, connect: Way, *, profile: str | None, build_dir: Path, output: Path) -> None:
    """Wait for a job's end and write its record as the board has it."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli.attending import attendance
    from sis_edge.cli.progress import bars
    from sis_edge.files.atomic import write_bytes
    from sis_edge.files.disk import check_room
    from sis_edge.results.store import ROOM_BYTES

    check_room(output.parent, ROOM_BYTES)
    known = profile_of(connect, profile, None, build_dir)
    with closing(connect()) as transport, bars("fetch") as shown:
        at = jobs_on_board.session(transport, known, shown.event)
        write_bytes(output, jobs_on_board.record_bytes(at, job_id, attendance(connect.words, profile)))


def cancel(job_id: str, connect: Way, profile: "DeviceProfile", document: "type[Document]", *, as_json: bool) -> None:
    """End a job and say what became of it."""
    from sis_edge.board import jobs_on_board
    from sis_edge.cli import console
    from sis_edge.cli.progress import bars

    with closing(connect()) as transport, bars("cancel") as shown:
        state = jobs_on_board.cancel(jobs_on_board.session(transport, profile, shown.event), job_id)
    if as_json:
        console.document(document.model_validate({"job_id": job_id, "board": transport.name, "state": state}))
        return
    was = "is cancelled" if state == "cancelled" else f"had ended before ({state})"
    console.out.print(f"Job {job_id} on {transport.name} {was}.", soft_wrap=True)
