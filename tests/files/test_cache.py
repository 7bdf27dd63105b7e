"""What is kept on this machine lies below one folder: the cache, or whatever SIS_EDGE_CACHE names."""

import platform
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from agent.test_provision import write_wheel
from native.test_costs import calibration

from sis_edge.board import provision
from sis_edge.files.cache import cache_root
from sis_edge.native import build, calibrations, toolchain
from sis_edge.native.build import Sources


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The named cache of a user whose home is empty."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "ZIG_GLOBAL_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "named"))
    return tmp_path / "named"


def compile_one(folder: Path) -> None:
    """A library as both kinds of kernels are compiled, of one line."""
    (folder / "c").mkdir()
    (folder / "c/one.c").write_text("int one(void);\nint one(void) { return 1; }\n")
    machine = platform.machine()
    build.library(machine, what=Sources("libone.so", (folder / "c",), {str(folder / "c/one.c"): machine}))


def keep_calibration(folder: Path) -> None:
    calibrations.save(calibration(), calibrations.default_folder() / "board.json", "raspberry-pi-4")


class Pages(SimpleHTTPRequestHandler):
    """Files that pip may keep in a cache of its own, as those of a real index."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()


def fetch_wheel(folder: Path) -> None:
    write_wheel(folder / "index")
    pages = partial(Pages, directory=str(folder / "index"))
    with ThreadingHTTPServer(("127.0.0.1", 0), pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIP_CONFIG_FILE", "/dev/null")
            patch.setenv("PIP_NO_INDEX", "1")
            patch.setenv("PIP_FIND_LINKS", f"http://127.0.0.1:{server.server_port}/")
            patch.setenv("PIP_TRUSTED_HOST", f"127.0.0.1:{server.server_port}")  # pip caches nothing of other hosts
            provision.download(["thing==1.0"], "3.11", ["linux_x86_64"], cache_root() / "wheels")
        server.shutdown()


@pytest.mark.parametrize("keep", [pytest.param(compile_one, marks=pytest.mark.slow), keep_calibration, fetch_wheel])
def test_all_that_is_kept_lands_in_the_named_cache(keep: Callable[[Path], None], cache: Path, tmp_path: Path) -> None:
    keep(tmp_path)
    assert any(path.is_file() for path in cache.rglob("*"))
    home = tmp_path / "home"
    assert not [path for path in home.rglob("*") if ".rustup" not in path.parts]  # pip asks rustc for its version


@pytest.mark.parametrize(
    "statement",
    [
        "import sis_edge.exporting.parity",
        "from sis_agent.runners import check; check('onnxruntime'); import onnxruntime",
    ],
)
def test_onnx_runtime_keeps_nothing(
    statement: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    subprocess.run([sys.executable, "-c", statement], check=True)
    assert not list((tmp_path / "home").rglob("*"))


def test_a_cache_of_zigs_own_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", "/elsewhere")
    assert toolchain.environment()["ZIG_GLOBAL_CACHE_DIR"] == "/elsewhere"
