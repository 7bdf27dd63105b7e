"""Each "how to add" page, followed: its code is loaded under the name that it gives, and does what the page says."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sis_agent import builtin, power
from sis_agent.commands import Commands
from sis_agent.lookup import Modules
from sis_agent.tree import Tree
from sis_edge import profiles
from sis_edge.backends.base import Target
from sis_edge.formation import Formation, form
from sis_edge.registries import BACKENDS, GRANULARITIES
from sis_edge.spec import nin

from .site import ROOT, text, titled_blocks

PAGES = ("sensor", "board", "runtime", "granularity", "report-format")


def blocks(page: str) -> dict[str, str]:
    return titled_blocks(text(f"docs/develop/add-a-{page}.md"))


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Loads a page's block as the module that its file would be."""

    def loaded(page: str, file: str) -> ModuleType:
        name = file.removeprefix("agent/").removesuffix(".py").replace("/", ".")
        module = ModuleType(name)
        exec(compile(blocks(page)[file], file, "exec"), module.__dict__)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return loaded


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_it_names_are_there(page: str) -> None:
    """Those of its table that are not new, and the tests that hold it."""
    markdown = text(f"docs/develop/add-a-{page}.md")
    named = set(re.findall(r"`((?:sis_edge|agent|tests|profiles)/[\w/.-]+\.(?:py|toml))`", markdown))
    new = {name for name in named if "NAME" in name or name in blocks(page)} - {"agent/sis_agent/builtin.py"}
    assert len(named - new) > 2
    assert sorted(name for name in named - new if not (ROOT / name).is_file()) == []


def test_their_examples_are_left_out_where_branches_are_counted() -> None:
    """`coverage report` ends with an error at a module that ran and has no file."""
    new = {file for page in PAGES for file in blocks(page) if file.endswith(".py") and not (ROOT / file).is_file()}
    assert set(tomllib.loads(text("pyproject.toml"))["tool"]["coverage"]["report"]["omit"]) == new


@pytest.mark.parametrize("page", PAGES)
def test_a_line_to_insert_looks_like_its_neighbours(page: str) -> None:
    """A block for a file that exists is a line of it: so indented, and not there yet."""
    for file, line in blocks(page).items():
        if (ROOT / file).is_file():
            assert line not in text(file)
            indent = re.match(" *", line)[0]
            assert re.search(rf"^{indent}\"[\w.-]+\": ", text(file), re.MULTILINE), file


def test_a_sensor(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("sensor", "agent/sis_agent/power/supply.py")
    supply = tmp_path / "sys/class/power_supply/usb-c"
    supply.mkdir(parents=True)
    kinds = Modules({"supply": module.__name__}, {}, answers=power.UnavailableError)
    monkeypatch.setattr(power, "SOURCES", kinds)
    tree, commands = Tree(str(tmp_path)), Commands(str(tmp_path))
    assert power.find(tree, commands) == {"supply": "no supply in /sys/class/power_supply shows voltage and current"}
    (supply / "voltage_now").write_text("5100000\n")
    (supply / "current_now").write_text("2000000\n")
    assert power.find(tree, commands) == {"supply": "available"}
    source = module.open_source(tree, commands)
    assert source.read() == {"usb-c": pytest.approx(10.2)}
    (supply / "current_now").write_text("")
    assert source.read() == {"usb-c": None}
    source.close()
    assert "supply" not in builtin.POWER


def test_a_board(tmp_path: Path) -> None:
    ((file, body),) = blocks("board").items()
    path = tmp_path / Path(file).name
    path.write_text(body)
    profile = profiles.load(str(path))
    assert (profile.name, profile.board.verified, profile.wants_native) == (path.stem, False, True)
    assert tomllib.loads(body)["unverified"]
    assert profile.name not in profiles.names()


def test_a_runtime(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tiny_bundle import tiny_bundle

    from sis_agent.runners.base import INSIDE, NONE

    module, backend = (load("runtime", file) for file in list(blocks("runtime"))[:2])
    bundle = tiny_bundle(tmp_path / "bundle")
    (entry, *_) = bundle.manifest.networks
    target = Target("mine", None, None, backend.EvaluatorSettings())
    (job,) = backend.BACKEND.jobs(entry, target)
    assert module.missing() is None
    runner = module.make(1, 1)
    assert runner.details()["runner"] == backend.BACKEND.name == "evaluator"
    session = runner.load(str(bundle.path / job.model), job.options)
    images = np.zeros((1, 3, 32, 32), np.float32)
    assert session.infer(images).shape == (1, 10)
    assert np.array_equal(session.step(images)()[0], session.infer(images))
    declared = session.timed_call()
    assert (declared.clock, declared.input_copy.where, declared.call_overhead.where) == ("host", NONE, INSIDE)
    assert "evaluator" not in BACKENDS


def test_a_granularity(load, monkeypatch: pytest.MonkeyPatch) -> None:
    row = load("granularity", "sis_edge/formation/granularities/row.py").KernelRow
    monkeypatch.setitem(GRANULARITIES._targets, "row", row)
    monkeypatch.setitem(GRANULARITIES._loaded, "row", row)
    graph = form(nin(), Formation(t_c=0.25, t_p=1, conv="row", seed=3))
    whole = form(nin(), Formation(t_c=1, t_p=1))
    assert graph.conv_synapses / whole.conv_synapses == pytest.approx(0.25, rel=0.01)
    first = graph.layers[0].synapses
    assert np.array_equal(first.any(axis=3), first.all(axis=3)), "a row exists as a whole"
    assert not np.array_equal(first.any(axis=(2, 3)), first.all(axis=(2, 3))), "and not with its whole kernel"


def test_a_report_format(load) -> None:
    import json

    from report.conftest import RUNS, sections

    from sis_edge.report.csv import to_csv

    to_json_lines = load("report-format", "sis_edge/report/json_lines.py").to_json_lines
    for name in RUNS:
        rows = sections(name).rows
        lines = [json.loads(line) for line in to_json_lines(rows).splitlines()]
        assert [line["network"] for line in lines] == [row.identity.label for row in rows]
        assert set(lines[0]) | {"kinds"} == set(to_csv(rows).splitlines()[0].split(","))
        for line in lines:
            assert line.keys() >= {key for key, value in line.items() if value is None} - line["reasons"].keys()
