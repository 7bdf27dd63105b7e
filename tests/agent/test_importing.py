"""Runtimes that are installed and do not import: found in a child, with the cause, the remedy and the log."""

import itertools
import re
import sys
from pathlib import Path

import pytest

from sis_agent import runners
from sis_agent.protocol import ProblemError
from sis_agent.runners import importing, remedies

from .board import FOR_EVER, Board
from .interpreters import find

TLS = "/home/u/.local/scikit_learn.libs/libgomp-d22c30c5.so.1.0.0: cannot allocate memory in static TLS block"
OLD_NUMPY = "RuntimeError: module compiled against API version 0xe but this version of numpy is 0xd"

# What the package's __init__.py does -> the cause and the remedy in the sentence.
FAULTS = {
    "tls": (
        f"raise ImportError({TLS!r})",
        TLS,
        "LD_PRELOAD=/home/u/.local/scikit_learn.libs/libgomp-d22c30c5.so.1.0.0",
    ),
    "glibc": (
        'raise OSError("/lib/libm.so.6: version `GLIBC_2.38\' not found (required by x.so)")',
        "version `GLIBC_2.38' not found",
        "install an older version of onnxruntime",
    ),
    "numpy": (
        f"import sys; sys.stderr.write({OLD_NUMPY + chr(10)!r})\n"
        "raise SystemError('returned a result with an error set') from ImportError('numpy.core failed')",
        OLD_NUMPY,
        "--upgrade numpy`",
    ),
    "instruction": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGILL)",
        "its import was ended by SIGILL",
        "an instruction that this processor does not have",
    ),
    "abort": (
        "import os, sys\nprint('terminate called after throwing', file=sys.stderr, flush=True)\nos.abort()",
        "its import was ended by SIGABRT (terminate called after throwing)",
        "--force-reinstall onnxruntime`",
    ),
    "exit": ("import os\nos._exit(0)", "its import ended with exit code 0", "--force-reinstall onnxruntime`"),
    "library": (
        "raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')",
        "libgomp.so.1: cannot open shared object file",
        "`sudo apt install libgomp1` on the board",
    ),
    "noexec": (
        "raise ImportError('/home/u/x.so: failed to map segment from shared object: Operation not permitted')",
        "failed to map segment from shared object",
        "mounted noexec: install it on another file system",
    ),
    "left over": (None, "is no package: it has no __init__.py", "remove that folder, then install it"),
}


def sick(folder: Path, code: str | None) -> Path:
    """A folder of packages: a numpy that imports, and an onnxruntime that does this; None: its folder alone."""
    (folder / "onnxruntime").mkdir(parents=True)
    (folder / "numpy.py").write_text("__version__ = '1.19.4'\n")
    if code is not None:
        (folder / "onnxruntime/__init__.py").write_text(code + "\n")
    return folder


# Every fault once, each second one under the oldest Python.
@pytest.mark.parametrize(("fault", "version"), list(zip(FAULTS, itertools.cycle(["3.6", "3.13"]), strict=False)))
def test_the_cause_the_remedy_and_the_log(
    fault: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, cause, remedy = FAULTS[fault]
    monkeypatch.setenv("PYTHONPATH", str(sick(tmp_path / "packages", code)))
    board = Board(tmp_path / "root", find(version))
    sentence = board.call("facts").answer["runners"]["onnxruntime"]
    assert sentence.startswith(f"onnxruntime is installed for {board.python} and cannot be imported: "), sentence
    assert cause in sentence
    assert remedy in sentence
    log = Path(sentence.partition("its log on the board: ")[2])
    assert log == board.root / "logs/import-onnxruntime.txt"
    assert log.is_file()
    if fault not in ("instruction", "abort", "exit"):
        assert "Traceback" in log.read_text()


def test_one_that_imports_leaves_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = sick(tmp_path / "packages", "1 / 0")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    board = Board(tmp_path / "root", find("3.13"))
    assert "division by zero" in board.call("facts").answer["runners"]["onnxruntime"]
    (packages / "onnxruntime/__init__.py").write_text("print('a word on standard output')\n")
    assert board.call("facts").answer["runners"]["onnxruntime"] == runners.AVAILABLE
    assert not list((board.root / "logs").iterdir())


def test_nothing_is_imported_beside_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(sick(tmp_path / "packages", "1 / 0")))
    board = Board(tmp_path / "root", find("3.13"))
    board.put_empty_bundle()
    board.put_null_job("j1", rounds=FOR_EVER)
    board.call("run", "--job-id", "j1").answer  # noqa: B018
    assert board.call("facts").answer["runners"]["onnxruntime"] == runners.AVAILABLE
    board.call("cancel", "j1").answer  # noqa: B018
    assert "division by zero" in board.call("facts").answer["runners"]["onnxruntime"]


def test_an_import_without_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(sick(tmp_path / "packages", "import time\ntime.sleep(600)")))
    monkeypatch.setattr(importing, "LIMIT_S", 1.0)
    sentence = importing.problem(("numpy", "onnxruntime"), str(tmp_path))
    assert sentence is not None
    assert re.search(
        r"its import did not end within \d s; the board is busy or very slow: end other programs", sentence
    )


SPINS = "import time\nwhile time.process_time() < {}: pass"


@pytest.mark.parametrize(("until_s", "most", "said"), [(1.0, 1000, None), (600.0, 3, "did not end within 0.6 s")])
def test_an_import_that_still_computes_is_given_more_time_but_not_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until_s: float, most: int, said: str | None
) -> None:
    """A slow board is not a broken one."""
    monkeypatch.setenv("PYTHONPATH", str(sick(tmp_path / "packages", SPINS.format(until_s))))
    monkeypatch.setattr(importing, "LIMIT_S", 0.2)
    monkeypatch.setattr(importing, "MOVES_S", 0.0)
    monkeypatch.setattr(importing, "MOST_LIMITS", most)
    sentence = importing.problem(("onnxruntime",), str(tmp_path))
    assert sentence is None if said is None else said in str(sentence)


def test_a_32_bit_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    monkeypatch.setattr(importing, "not_installed", list)
    sentence = runners.missing("onnxruntime")
    assert sentence is not None
    assert sentence.startswith(f"{sys.executable} is a 32-bit program, and there is no ONNX Runtime for those")


@pytest.mark.parametrize(
    "raised", [ImportError(TLS), OSError("libx.so: wrong ELF class: ELFCLASS64"), SystemError("x")]
)
def test_a_worker_explains_too(raised: Exception) -> None:
    sentence = r"os is installed for .* and cannot be imported"
    with pytest.raises(ProblemError, match=sentence) as caught, importing.explained("os"):
        raise raised
    assert caught.value.problem.code == "no-runtime"
    assert str(raised) in caught.value.problem.message


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.2.6", "'numpy<2'"),
        ("AttributeError: _ARRAY_API not found\nImportError: numpy.core.multiarray failed to import", "'numpy<2'"),
        ("ValueError: numpy.dtype size changed, may indicate binary incompatibility", "--upgrade numpy"),
        ("ImportError: libnvdla_compiler.so: cannot open shared object file", "`--runtime nvidia`"),
        ("OSError: libnvinfer.so.8: file too short", "apt install nvidia-jetpack"),
        ("ImportError: libfoo.so.3: cannot open shared object file", "the system's package that has libfoo.so.3"),
        ("ModuleNotFoundError: No module named 'flatbuffers'", "flatbuffers`"),
        ("ImportError: x.so: cannot enable executable stack as shared object requires", "--upgrade onnxruntime`"),
        ("ImportError: x.so: wrong ELF class: ELFCLASS32", "for another processor than this Python"),
        ("PermissionError: [Errno 13] Permission denied: 'x.so'", "let this user read its files"),
        ("MemoryError", "add swap"),
        ("SyntaxError: invalid syntax", "for another Python than"),
        ("ImportError: x.so: undefined symbol: PyUnicode_AsUTF8", "--force-reinstall onnxruntime`"),
        ("", "--force-reinstall onnxruntime`"),
    ],
)
def test_the_remedy_fits_the_cause(text: str, remedy: str) -> None:
    code = "Traceback (most recent call last):\n  File 'x', line 1, in <module>\n" if text else ""
    cause, step = remedies.find("onnxruntime", "ended with exit code 1", code + text, own=False)
    assert remedy in step
    assert cause in text.replace("Error: ", "") or any(cause in line for line in text.splitlines()) or not text


def test_the_bundles_own_library_on_a_disk_without_programs() -> None:
    text = "dlopen: /home/u/.sis-edge/x.so: failed to map segment from shared object: Operation not permitted"
    assert "`root` in the profile's [agent]" in (remedies.of_library(text) or "")
    assert remedies.of_library("undefined symbol: OrtGetApiBase") is None


def test_packages_that_were_brought_are_the_profiles_to_choose() -> None:
    for text in ("version `GLIBC_2.38' not found", "ModuleNotFoundError: No module named 'x'", "it is broken"):
        assert remedies.find("onnxruntime", "ended with exit code 1", text, own=True)[1] == remedies.PINNED
    step = remedies.find("onnxruntime", "ended with exit code 1", TLS, own=True)[1]
    assert "LD_PRELOAD" in step, "no wheel changes that"
    assert sys.executable in step


def test_numpys_instruction_has_a_version_that_lacks_it() -> None:
    assert "1.19.4" in remedies.find("numpy", "was ended by SIGILL", "", own=False)[1]
    assert "1.19.4" not in remedies.find("onnxruntime", "was ended by SIGILL", "", own=False)[1]


@pytest.mark.parametrize(("base", "where"), [("/usr", "--user "), ("/another", "")])
def test_the_command_to_install_fits_the_python(base: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a virtual environment pip refuses --user."""
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "base_prefix", base)
    assert remedies.pip("numpy") == f"`{sys.executable} -m pip install {where}numpy`"
