"""A bundle or a model of a git revision, taken out of git's store; what is checked out stays as it is."""

import subprocess
import tarfile
from pathlib import Path

from sis_edge.errors import UsageError
from sis_edge.files.disk import writing

LIMIT_S = 600


def is_revision(text: str) -> bool:
    """Whether a text is REV:PATH and not a path here.

    >>> is_revision("main:build/local-digits"), is_revision("build/local-digits")
    (True, False)
    """
    revision, colon, path = text.partition(":")
    return bool(revision and colon and path) and not Path(text).exists()


def take_out(text: str, folder: Path) -> Path:
    """Write what git has as REV:PATH (as `git show` reads it) into `folder`; returns the folder or file there.

    Raises UsageError with git's own words where there is no such thing.
    """
    if text.startswith("-"):
        raise UsageError(f"'{text}' is not a git revision and a path; give REV:PATH, such as main:build/local-digits")
    kind = _git(text, "cat-file", "-t", text).decode().strip()
    target = folder / Path(text.partition(":")[2]).name
    with writing(folder):
        if kind == "blob":
            target.write_bytes(_git(text, "cat-file", "--filters", text))
            return target
        archive = folder / "archive.tar"
        _git(text, "archive", "--format=tar", f"--output={archive}", text)
        target.mkdir()
        with tarfile.open(archive) as packed:
            packed.extraction_filter = getattr(tarfile, "data_filter", None)  # releases before 3.11.4 have none
            packed.extractall(target)
        archive.unlink()
    return target


def _git(text: str, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], capture_output=True, timeout=LIMIT_S, check=False)
    except FileNotFoundError:
        raise UsageError(f"{text} is neither here nor can git be asked for it: git is not installed") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git did not give {text} within {LIMIT_S} s") from None
    if done.returncode:
        first, *_ = [*done.stderr.decode(errors="replace").splitlines(), "no reason given"]
        raise UsageError(f"{text} is neither a path here nor in git ({first.removeprefix('fatal: ')})")
    return done.stdout
