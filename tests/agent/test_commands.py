from pathlib import Path

import pytest

from sis_agent.commands import Commands


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "usr/bin/tool"
    path.parent.mkdir(parents=True)
    path.write_text(
        '#!/bin/sh\ncase $1 in fail) echo said; exit 3;; hang) exec sleep 60;; die) kill -9 $$;; *) echo "$1";; esac\n'
    )
    path.chmod(0o755)
    return tmp_path


def test_a_simulated_board_has_its_own_tools_and_no_others(root: Path) -> None:
    commands = Commands(str(root))
    assert commands.find("tool") == str(root / "usr/bin/tool")
    assert commands.find("sh") is None
    assert Commands("/").find("sh") is not None
    assert commands.run("tool", ["hello"]) == "hello\n"
    assert commands.run("missing") is None
    assert commands.start("missing") is None


def test_ends_that_are_not_well(root: Path) -> None:
    commands = Commands(str(root))
    assert commands.run("tool", ["fail"]) is None
    finished = commands.finish("tool", ["fail"])
    assert finished is not None
    assert (finished.code, finished.output) == (3, "said\n")
    assert finished.cpu_s >= 0
    killed = commands.finish("tool", ["die"])
    assert killed is not None
    assert killed.code == -9
    assert commands.finish("tool", ["hang"], timeout_s=0.1) is None
