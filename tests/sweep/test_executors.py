"""Executors: options that exclude each other, a cluster that is not there, and none asked when nothing is missing."""

import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sis_edge.cli import run as command
from sis_edge.errors import TransportError, UsageError
from sis_edge.extras import adding
from sis_edge.sweep import cluster, local
from sis_edge.sweep.executors import EXECUTORS, ExecutorOptions, executor
from sis_edge.sweep.running import Outcomes, Say, run
from sis_edge.sweep.trial import Task

from . import ray_cluster  # settings of Ray, before anything imports it
from .plans import plan_in

assert ray_cluster.ENVIRONMENT
SMALL = [
    *("sweep", "--dataset", "digits", "--t-c", "0.05", "--t-p", "0.1", "--granularity", "neuron"),
    *("--epochs", "1", "--limit", "64"),
]


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of 127.0.0.1 where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (ExecutorOptions(), "local"),
        (ExecutorOptions(jobs=1), "local"),
        (ExecutorOptions(jobs=2), "local"),
        (ExecutorOptions(ray="auto"), "ray"),
        (ExecutorOptions(ray="h:1", cpus=4, gpus=0.5), "ray"),
    ],
)
def test_each_option_has_an_executor(options: ExecutorOptions, name: str) -> None:
    assert options.executor == name
    assert name in EXECUTORS


@pytest.mark.parametrize("jobs", [None, 1, 2, 3])
def test_several_jobs_are_processes(jobs: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def in_processes(tasks: Sequence[Task], root: Path, jobs: int, say: Say) -> Outcomes:
        started.append(jobs)
        yield from ()

    monkeypatch.setattr(local, "run_in_processes", in_processes)
    run_tasks = executor(ExecutorOptions(jobs=jobs), lambda task, done, total, loss: None, lambda message: None)
    assert list(run_tasks((), tmp_path)) == []
    assert started == ([] if jobs in (None, 1) else [jobs])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--jobs", "2", "--ray", "auto"], "--ray and --jobs exclude each other; leave one out"),
        (["--cpus", "4"], "--cpus 4 needs --ray ADDRESS; on this machine, use --jobs"),
        (["--gpus", "0.5", "--jobs", "2"], "--gpus 0.5 needs --ray ADDRESS; on this machine, use --jobs"),
        (["--ray", "auto", "--cpus", "0"], "--cpus is '0', and must be 1 or more"),
        (["--ray", "head"], "--ray head is not an address of a Ray cluster; use HOST:PORT on one of its nodes"),
        (["--ray", "head:99999"], "--ray head:99999 is not an address"),
        (["--ray", "local"], "--ray local is not an address"),
        (["--ray", "http://head:8265"], "--ray http://head:8265 is not an address"),
    ],
)
def test_what_cannot_be_meant(
    words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command([*SMALL, "--folder", str(tmp_path), *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_where_nothing_answers(scheme: str, free_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"{scheme}127.0.0.1:{free_port}"
    assert command([*SMALL, "--folder", str(tmp_path), "--ray", address]) == 6
    sentence = (
        f"Error: no Ray cluster answers at {address} (Connection refused); start one there with `ray start --head`"
    )
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.glob(".stages/*train*"))


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"no Ray cluster answers at nowhere\.invalid:6379 \("):
        cluster.probe("nowhere.invalid:6379")


@pytest.mark.parametrize("address", ["10.0.0.7:6379", "ray://head.example.org:10001", "[::1]:6379", "head-0_a:1"])
def test_addresses(address: str) -> None:
    assert cluster.ADDRESS.fullmatch(address)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert command([*SMALL, "--folder", str(tmp_path), "--ray", "127.0.0.1:6379"]) == 2
    sentence = f"Error: --ray needs Ray, which is not installed here: `{adding('ray')}`"
    assert sentence in capsys.readouterr().err


def test_a_finished_sweep_asks_no_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command([*SMALL, "--folder", str(tmp_path)]) == 0
    table = capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "ray", None)
    assert command([*SMALL, "--folder", str(tmp_path), "--ray", "127.0.0.1:6379"]) == 0
    assert capsys.readouterr().out == table


def test_ray_is_imported_where_it_is_used_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # an import would be an error
    options = ExecutorOptions(ray="127.0.0.1:6379")
    on_ray = executor(options, lambda task, done, total, loss: None, lambda message: None)
    with pytest.raises(UsageError, match="needs Ray"):
        run(plan_in(tmp_path), on_ray)
