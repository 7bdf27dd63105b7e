"""Stored runs of older versions are read as today's: identity from data, not from names."""

import json
from pathlib import Path

import pytest
from recordings import RUNS, old_run

from sis_edge import report
from sis_edge.errors import RecordError
from sis_edge.results import store
from sis_edge.results.comparison import compare
from sis_edge.results.kernel_choice import choices
from sis_edge.results.schema import STORE_VERSION, StoredRun
from sis_edge.results.upgrade import UPGRADES

IDENTITIES = {
    "run-1-x86-64": [
        ("nin", "plain", "fp32"),
        ("nin", "plain", "int8"),
        ("cifar10-sis1", "plain", "fp32"),
        ("cifar10-sis1", "native", "fp32"),
        ("cifar10-sis1", "plain", "int8"),
    ],
    "run-1-jetson-nano": [
        ("nin", "plain", "fp32"),
        ("nin", "plain", "int8"),
        ("cifar10-sis1", "plain", "fp32"),
        ("cifar10-sis1", "plain", "int8"),
    ],
    "run-1-jetson-orin-nano": [
        *(("nin", "plain", precision) for precision in ("fp32", "fp16", "int8")),
        ("sis", "plain", "fp32"),
        ("sis", "plain", "fp16"),
        ("sis", "sparse24", "fp16"),
        ("sis", "plain", "int8"),
        ("sis", "sparse24", "int8"),
    ],
    "run-2-x86-64": [
        ("nin", "plain", "fp32"),
        ("nin", "native", "fp32"),
        ("cifar10-sis3", "plain", "fp32"),
        ("cifar10-sis3", "native", "fp32"),
    ],
    "run-3-x86-64": [
        ("nin", "plain", "fp32"),
        ("nin", "native", "fp32"),
        ("cifar10-sis3", "plain", "fp32"),
        ("cifar10-sis3", "native", "fp32"),
    ],
    "run-4-x86-64": [
        ("nin", "plain", "fp32"),
        ("nin", "native", "fp32"),
        ("cifar10-sis3", "plain", "fp32"),
        ("cifar10-sis3", "native", "fp32"),
    ],
    "run-5-x86-64": [
        ("nin", "plain", "fp32"),
        ("nin", "native", "fp32"),
        ("cifar10-sis3", "plain", "fp32"),
        ("cifar10-sis3", "native", "fp32"),
    ],
}
UNITS = {
    "run-1-x86-64": "kernel",
    "run-1-jetson-nano": "neuron",
    "run-1-jetson-orin-nano": "nm",
    "run-2-x86-64": "kernel",
    "run-3-x86-64": "kernel",
    "run-4-x86-64": "kernel",
    "run-5-x86-64": "kernel",
}


def test_every_version_has_its_upgrade() -> None:
    assert sorted(UPGRADES) == list(range(1, STORE_VERSION))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_an_older_version(name: str, tmp_path: Path) -> None:
    path = old_run(name, tmp_path)
    run = store.load(path)
    networks = run.record.networks
    assert [(network.network, network.form, network.precision) for network in networks] == IDENTITIES[name]
    assert {network.granularity for network in networks} == {UNITS[name]}
    assert run.record.job.on_gpu == (name == "run-1-jetson-orin-nano")
    old = json.loads(path.read_text())
    assert run.manifest.reference == old["manifest"].get("dense", "nin") == "nin"
    assert [turn.latencies_s for network in networks for turn in network.rounds] == [
        turn["latencies_s"] for network in old["record"]["networks"] for turn in network["rounds"]
    ], "raw samples are what they were"
    assert StoredRun.from_json(run.to_json(), "again") == run


@pytest.mark.parametrize("name", RUNS)
def test_it_is_compared_and_reported(name: str, tmp_path: Path) -> None:
    run = store.load(old_run(name, tmp_path))
    rows = compare(run)
    assert len(rows) == len(IDENTITIES[name]) + (2 if name == "run-1-jetson-nano" else 0), "two were not measured"
    assert sum(row.identity.is_reference for row in rows) == 1
    others = [row for row in rows if not row.identity.is_reference and row.problem is None]
    assert others
    assert all(row.speed_up.estimate.value is not None for row in others)
    for path in report.write([run], tmp_path / "report"):
        assert path.stat().st_size > 0
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert ("cifar10-sis1 (native kernels)" in text) == (name == "run-1-x86-64")
    assert ("sis fp16 (2:4 sparse kernels)" in text) == (name == "run-1-jetson-orin-nano")
    assert ("sis int8 (2:4 sparse kernels) ended before latencies were steady" in text) == (
        name == "run-1-jetson-orin-nano"
    )


def test_sparse_forms_find_their_plain_one(tmp_path: Path) -> None:
    run = store.load(old_run("run-1-jetson-orin-nano", tmp_path))
    pairs = [(choice.network, choice.form, choice.precision) for choice in choices(run.record.networks)]
    assert pairs == [("sis", "sparse24", "fp16"), ("sis", "sparse24", "int8")]


def test_names_decide_nothing(tmp_path: Path) -> None:
    """A network that is called like the sparse form of another is none."""
    path = old_run("run-1-x86-64", tmp_path)
    path.write_text(path.read_text().replace("cifar10-sis1 sparse", "cifar10-sis1 x").replace("nin int8", "nin sparse"))
    networks = store.load(path).record.networks
    assert [(network.network, network.form, network.precision) for network in networks] == IDENTITIES["run-1-x86-64"]


@pytest.mark.parametrize("lost", ["manifest", "record"])
def test_what_is_not_a_run_of_its_version_is_named(lost: str, tmp_path: Path) -> None:
    path = old_run("run-1-x86-64", tmp_path)
    run = json.loads(path.read_text())
    del run[lost]
    path.write_text(json.dumps(run))
    with pytest.raises(RecordError, match=f"has store version 1 and is not a run of it .*{lost}"):
        store.load(path)
