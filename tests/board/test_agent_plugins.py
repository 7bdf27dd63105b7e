"""What packages of other people add to the agent's archive, and what cannot be added."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from outside import write_distribution

from sis_edge.board.agent_archive import build
from sis_edge.errors import UsageError
from sis_edge.registries import POWER_SOURCES

RUNNERS, POWER = "sis_agent.runners", "sis_agent.power"
MODULE = "def missing():\n    return None\n"

Install = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("agent_as_sent")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package by its files and entry points."""

    def install(files: dict[str, str], entry_points: dict[str, dict[str, str]], name: str = "outside") -> Path:
        folder = write_distribution(tmp_path / name, files, entry_points, name)
        monkeypatch.syspath_prepend(folder)
        return folder

    return install


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_modules_come_with_the_archive_under_the_names_of_their_entry_points(install: Install, tmp_path: Path) -> None:
    plain = build(tmp_path / "plain")
    install(
        {"both.py": MODULE, "package/__init__.py": "", "package/sensor.py": "# a sensor\n"},
        {RUNNERS: {"sleepy": "both"}, POWER: {"my-meter": "both", "other": "package.sensor"}},
    )
    archive = build(tmp_path / "extended")
    found, before = members(archive.path), members(plain.path)
    added = set(found) - set(before)
    assert added == {f"sis_agent/outside/{name}.py" for name in ("__init__", "both", "package__sensor")}
    assert found["sis_agent/outside/both.py"] == MODULE.encode()
    assert {name for name in before if found[name] != before[name]} == {
        "sis_agent/plugins.py",
        "sis_agent/build_id.txt",
    }
    tables: dict[str, dict[str, str]] = {}
    exec(found["sis_agent/plugins.py"], tables)
    assert tables["RUNNERS"] == {"sleepy": "sis_agent.outside.both"}
    assert tables["POWER"] == {"my-meter": "sis_agent.outside.both", "other": "sis_agent.outside.package__sensor"}
    assert archive.path.stat().st_size <= 200_000


def test_the_name_of_the_archive_covers_what_was_added(install: Install, tmp_path: Path) -> None:
    names = {build(tmp_path).hash12}
    folder = install({"both.py": MODULE}, {RUNNERS: {"sleepy": "both"}})
    names.add(build(tmp_path).hash12)
    (folder / "both.py").write_text(MODULE + "# changed\n")
    names.add(build(tmp_path).hash12)
    write_distribution(folder, {}, {RUNNERS: {"other": "both"}})
    names.add(build(tmp_path).hash12)
    assert len(names) == 4


def test_a_package_on_pythonpath_counts_and_its_end_gives_the_same_bytes_again(tmp_path: Path) -> None:
    folder = write_distribution(tmp_path / "outside", {"both.py": MODULE}, {POWER: {"my-meter": "both"}})
    code = (
        "import sys, pathlib; from sis_edge.board.agent_archive import build\n"
        "from sis_edge.registries import POWER_SOURCES\n"
        "print(build(pathlib.Path(sys.argv[1])).hash12, *POWER_SOURCES)"
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    words = [sys.executable, "-c", code, str(tmp_path / "with")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    hash12, *kinds = done.stdout.split()
    assert kinds == [*POWER_SOURCES, "my-meter"]
    assert build(tmp_path / "without").hash12 != hash12


def test_profiles_know_the_agents_own_sensors() -> None:
    assert list(POWER_SOURCES) == ["replay", "ina3221", "ina238", "hwmon", "rapl", "pi-pmic", "tegrastats"]
    for kind in POWER_SOURCES:
        assert hasattr(POWER_SOURCES[kind], "open_source"), kind


@pytest.mark.parametrize(
    ("files", "entry_points", "text"),
    [
        ({}, {RUNNERS: {"x": "nowhere"}}, "runner 'x' of the package outside: there is no module 'nowhere'; reinstall"),
        (
            {},
            {POWER: {"x": "nowhere.sensor"}},
            "power sensor 'x' of the package outside: module 'nowhere.sensor' cannot",
        ),
        ({"both.py": MODULE}, {RUNNERS: {"x": "both:make"}}, "'both:make' is not a module; leave out what follows"),
        ({"package/__init__.py": MODULE}, {RUNNERS: {"x": "package"}}, "'package' is not a single Python file"),
        ({}, {RUNNERS: {"x": "math"}}, "'math' is not a single Python file"),
        ({"both.py": MODULE}, {RUNNERS: {"null": "both"}}, "there is a runner of this name already; choose another"),
        (
            {"both.py": MODULE},
            {POWER: {"rapl": "both"}},
            "there is a power sensor of this name already; choose another",
        ),
        (
            {"both.py": "x = 1\nif (y := 2):\n    pass\n"},
            {RUNNERS: {"x": "both"}},
            "both.py, line 2: .*Python 3.6 and newer",
        ),
        ({"both.py": "def f(:\n"}, {RUNNERS: {"x": "both"}}, "both.py, line 1: .*; boards have Python 3.6"),
        ({"both.py": "x = 1\0"}, {RUNNERS: {"x": "both"}}, "both.py, line 1: .*; boards have Python 3.6"),
        (
            {"both.py": "from __future__ import annotations\n"},
            {RUNNERS: {"x": "both"}},
            "line 1: `from __future__ import annotations` needs Python 3.7; boards have Python 3.6 and newer",
        ),
        (
            {"both.py": "\nfrom . import a\n"},
            {RUNNERS: {"x": "both"}},
            "both.py, line 2: a relative import; on the board",
        ),
        ({"both.py": "import os, sis_edge.spec\n"}, {RUNNERS: {"x": "both"}}, "both.py, line 1: it imports sis_edge"),
        (
            {"both.py": "def f():\n    from sis_edge.spec import Spec\n"},
            {RUNNERS: {"x": "both"}},
            "both.py, line 2: it imports sis_edge, which boards do not have",
        ),
    ],
)
def test_what_cannot_work_on_a_board_is_one_sentence(
    install: Install, tmp_path: Path, files: dict[str, str], entry_points: dict[str, dict[str, str]], text: str
) -> None:
    install(files, entry_points)
    with pytest.raises(UsageError, match=text) as caught:
        build(tmp_path / "agents")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "agents").exists()


def test_two_packages_cannot_add_the_same_name(install: Install, tmp_path: Path) -> None:
    install({"one.py": MODULE}, {RUNNERS: {"sleepy": "one"}}, "one")
    install({"other.py": MODULE}, {RUNNERS: {"sleepy": "other"}}, "other")
    with pytest.raises(
        UsageError, match="runner 'sleepy' of the package other: there is a runner of this name already"
    ):
        build(tmp_path)
