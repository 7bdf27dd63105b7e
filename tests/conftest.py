import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fault_table
import old_python
import pytest
from compiled_agent import members, members_and_compiled
from sshd import Proxy, Server, serve

from sis_edge.board import agent_archive
from sis_edge.registries import DISTRIBUTIONS

# A shell that starts a command in the background lets it ignore SIGINT, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under `nohup`
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# As the command line does it, before torch is loaded: threads that spin take the cores of the tests beside this one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Tests that run beside each other are boards of their own: else each would wait for the others' jobs.
os.environ["SIS_EDGE_BOARD"] = f"tests-{os.getpid()}"

# jsonschema imports it where another program brought it, and it compiles 38 grammars then: a fifth of a collection.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

TESTS = Path(__file__).parent
# The files whose tests take longest come first, so that no worker is left with them at the end.
LONGEST = (
    "shows/test_wheel.py",
    "docs/test_commands.py",
    "results/test_statistics.py",
    "shows/test_cifar10_over_ssh.py",
    "zoo/test_shipped.py",
    "shows/test_aarch64.py",
    "sweep/test_running.py",
    "simulated/test_boards.py",
    "native/test_sanitizers.py",
    "shows/test_examples.py",
    "sweep/test_ray.py",
    "fleet/test_ray.py",
    "board/test_tensorrt_boards.py",
    "shows/test_bench.py",
    "shows/test_given.py",
    "training/test_distributed.py",
    "native/test_peak.py",
    "shows/test_own_networks.py",
    "agent/tensorrt/test_job.py",
    "fleet/test_many.py",
    "faults/test_links.py",
    "board/test_deploy.py",
    "agent/test_interpreters.py",
    "agent/tensorrt/test_trtexec.py",
    "agent/test_going_on.py",
    "agent/test_onnxruntime_options.py",
    "cli/test_jobs.py",
    "build/test_int8_native_line.py",
    "build/test_sparse_line.py",
    "build/test_winograd_line.py",
    "build/test_pipeline.py",
    "models/test_sanitizers.py",
    "native/test_calibration.py",
    "native/test_emulated.py",
    "agent/test_rounds.py",
    "agent/tensorrt/test_runner.py",
    "backends/test_tensorrt_rtx.py",
    "cli/test_json.py",
    "cli/test_meter.py",
    "cli/test_exit_codes.py",
    "cli/test_output.py",
    "test_outside.py",
    "agent/test_clocks.py",
    "agent/test_stopping.py",
    "results/test_verdict.py",
    "training/test_train.py",
    "fleet/test_fleet.py",
    "doctor/test_doctor.py",
    "native/half/test_elsewhere.py",
    "native/int8/test_elsewhere.py",
    "board/test_push.py",
    "front/test_measuring.py",
    "cli/test_bench.py",
    "cli/test_deploy.py",
    "transport/test_cases.py",
)
# Their long tests take seconds. A run that has to end begins with them: a slow machine leaves out none of them.
OF_SECONDS = (
    "results/test_verdict.py",
    "results/test_sampling.py",
    "front/test_loading.py",
    "front/test_measuring.py",
    "agent/test_stopping.py",
    "agent/test_going_on.py",
    "training/test_memory.py",
    "build/test_sparse_line.py",
    "cli/test_output.py",
    "native/test_calibration.py",
    "fleet/test_fleet.py",
    "cli/test_deploy.py",
    "agent/tensorrt/test_runner.py",
    "exporting/test_sparsity.py",
    "agent/test_isolated.py",
    "agent/test_rounds.py",
    "agent/test_onnxruntime_options.py",
    "agent/tensorrt/test_trtexec.py",
    "benchmarks/test_train_zoo.py",
    "build/test_pipeline.py",
    "agent/test_sparse.py",
    "cli/test_jobs.py",
    "faults/test_boards.py",
    "zoo/test_zoo.py",
    "formation/test_form.py",
    "agent/test_sustained.py",
    "cli/test_sweep.py",
    "agent/test_plugins.py",
    "bundles/test_upgrade.py",
    "board/test_provision.py",
    "agent/tensorrt/test_own.py",
    "files/test_cache.py",
)
SLOW_TIMEOUT_S = 1500
TOO_LATE = "not begun: the time of this run was over (--begin-until)"
BRANCHES_ARE_COUNTED = any(name.startswith("COVERAGE_") for name in os.environ)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--shuffle SEED`, `--begin-until TIME`."""
    parser.addoption("--shuffle", type=int, metavar="SEED", help="files, and the tests of each, in a random order")
    parser.addoption("--begin-until", type=float, metavar="TIME", help="seconds since 1970; then no test is begun")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what would begin too late: a run that has to end, on a machine that is too slow for all of it."""
    until = item.config.getoption("begin_until")
    if until is not None and time.time() > until:
        pytest.skip(TOO_LATE)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the files into their order, and give the long tests their time and the faults their rows."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    if config.getoption("begin_until") is not None:
        places |= {TESTS / name: -1 for name in OF_SECONDS}
    if (seed := config.getoption("shuffle")) is not None:
        numbers = random.Random(seed)
        files = sorted({item.path for item in items})
        numbers.shuffle(files)
        numbers.shuffle(items)
        places = {path: place for place, path in enumerate(files)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))
    fault_table.note(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of faults, where faults were asked for, and how many tests were not begun."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    if "fault" in config.option.markexpr and (table := fault_table.rows(reports)):
        terminalreporter.section("faults")
        for line in fault_table.text(table):
            terminalreporter.line(line)
    if late := sum(TOO_LATE in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.section(f"{late} tests {TOO_LATE}")


@pytest.fixture(scope="session", autouse=True)
def compiled_agent() -> Iterator[None]:
    """Boards get the agent compiled; not where branches are counted, which tells a line by its file's whole path."""
    with pytest.MonkeyPatch.context() as patch:
        if not BRANCHES_ARE_COUNTED:
            patch.setattr(agent_archive, "_members", members_and_compiled)
        yield


@pytest.fixture
def own_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distributions that a test registers are gone after it."""
    assert "uniform" in DISTRIBUTIONS, "those of other packages are found before"
    for part in ("_targets", "_loaded"):
        monkeypatch.setattr(DISTRIBUTIONS, part, dict(getattr(DISTRIBUTIONS, part)))
    monkeypatch.setattr(DISTRIBUTIONS, "_registered", set())


@pytest.fixture
def agent_as_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's archive as a user's board gets it."""
    monkeypatch.setattr(agent_archive, "_members", members)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A real SSH server of the test's own."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with serve(tmp_path / "sshd") as server:
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A way to the server that can be cut."""
    proxy = Proxy(server.port)
    server.know(proxy.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This Python as `python3` without packages, for boards of the null runtime: an agent looks at all that it finds.

    With them where branches are counted, which a package does.
    """
    python = tmp_path_factory.mktemp("bare") / "python3"
    flags = "" if BRANCHES_ARE_COUNTED else "-I -S"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {flags} "$@"\n')
    python.chmod(0o755)
    return python


@pytest.fixture(scope="session")
def python_3_6(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The oldest board's Python, with the last ONNX Runtime for it."""
    return old_python.python_3_6(tmp_path_factory)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
