"""What the agent may need: the standard library of Python 3.6, little memory, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

import sis_agent
from sis_edge.board.agent_archive import build

from .interpreters import find

SOURCE = Path(sis_agent.__file__).parent


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)


def test_it_starts_without_any_installed_package(tmp_path: Path) -> None:
    archive = build(tmp_path)
    # -I -S: no site-packages, no environment, no user's folder.
    done = run(sys.executable, "-I", "-S", archive.path, "--root", tmp_path, "facts")
    assert done.returncode == 0, done.stderr
    assert '"ok": true' in done.stdout


def test_no_runtime_is_imported_at_start() -> None:
    """Every module of the agent but those for checks by numpy, next to an installed numpy and onnxruntime."""
    modules = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        for path in SOURCE.rglob("*.py")
        if path.name not in ("checks.py", "tensors.py", "__main__.py")
    ]
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r})\n"
        f"for name in {modules!r}: __import__(name)\n"
        "allowed = set(sys.stdlib_module_names) | {'sis_agent', '__main__'}\n"
        "from sis_agent import inventory; inventory.read()\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - allowed))"
    )
    done = run(sys.executable, "-I", "-S", "-c", code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
    code = code.replace("print(sorted(", "print(sorted({'numpy', 'onnxruntime', 'psutil'} & ").replace(
        "- allowed))", "))"
    )
    done = run(sys.executable, "-c", code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("version", ["3.6", "3.13"])
def test_it_is_small_in_memory(version: str, tmp_path: Path) -> None:
    archive = build(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(archive.path)!r})\n"
        "from sis_agent.cli import run_command_line\n"
        f"run_command_line(['--root', {str(tmp_path)!r}, 'facts'])\n"
        "from sis_agent.worker import memory\n"
        "print(memory.read().peak_rss_bytes)"
    )
    done = run(find(version), "-c", code)
    assert 0 < int(done.stdout.splitlines()[-1]) <= 25e6, done.stderr


def test_a_question_compiles_only_what_answers_it(tmp_path: Path) -> None:
    """From an archive every module is compiled anew, and a host asks for a job's status again and again."""
    code = (
        f"import sys; sys.path.insert(0, {str(build(tmp_path).path)!r})\n"
        "from sis_agent.cli import run_command_line\n"
        f"run_command_line(['--root', {str(tmp_path)!r}, 'status', 'j1'])\n"
        "print(*sorted(name for name in sys.modules if name.count('.') == 1 and name.startswith('sis_agent.')))"
    )
    *_, answer, modules = run(sys.executable, "-c", code).stdout.splitlines()
    assert "no-job" in answer
    rooms = {name.partition(".")[2] for name in modules.split()}
    assert "job" in rooms
    assert not rooms & {"runners", "power", "worker", "measure", "calibration", "inventory"}


def test_python_2_gets_a_sentence(tmp_path: Path) -> None:
    done = run(find("2.7"), build(tmp_path).path, "facts")
    assert done.returncode == 1
    assert done.stderr.startswith("sis_agent needs Python 3.6 or newer, this is 2.7.")
    assert "Traceback" not in done.stderr


def test_every_file_compiles_under_3_6(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "for path in pathlib.Path(sys.argv[1]).rglob('*.py'):\n"
        "    compile(path.read_text(encoding='utf-8'), str(path), 'exec')\n"
    )
    done = run(find("3.6"), "-c", code, SOURCE)
    assert done.returncode == 0, done.stderr


def test_vermin_finds_nothing_newer_than_3_6() -> None:
    done = run(sys.executable, "-c", "import vermin; vermin.main()", "-t=3.6-", "--no-tips", "--violations", SOURCE)
    assert done.returncode == 0, done.stdout
    assert "Minimum required versions: 3.6" in done.stdout


def test_the_agent_imports_nothing_of_the_hosts() -> None:
    for path in SOURCE.rglob("*.py"):
        assert "sis_edge" not in path.read_text().replace(".sis-edge", ""), path
