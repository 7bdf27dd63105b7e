"""`sis-edge profiles`: all shipped ones are sound, a broken one is named with its line, this machine is detected."""

from pathlib import Path

import pytest

from sis_edge import profiles
from sis_edge.cli import run
from sis_edge.transport import LocalTransport


def test_all_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profiles", "check"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == profiles.names()
    assert all(": sound" in line for line in said)


def test_a_broken_one_is_named_with_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = profiles.find("jetson-orin-nano").read_text(encoding="utf-8").replace('conv = "nm"', 'conv = "2:4"')
    line = text.splitlines().index('conv = "2:4"') + 1
    (tmp_path / "mine.toml").write_text(text)
    assert run(["profiles", "check", "local", str(tmp_path / "mine.toml")]) == 2
    shown = capsys.readouterr()
    assert shown.out == "local: sound\n"
    assert f"mine.toml does not fit: line {line}, networks.conv: unknown granularity '2:4'; known: kernel" in shown.err


def test_show_into_a_file_gives_a_profile_to_change(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Long lines are not broken where nobody looks at a screen: a broken comment is no TOML."""
    assert run(["profiles", "show", "jetson-nano"]) == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert profiles.load(str(tmp_path / "mine.toml")) == profiles.load("jetson-nano")
    assert (tmp_path / "mine.toml").read_bytes() == profiles.find("jetson-nano").read_bytes()


def test_names_are_listed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profiles", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in profiles.names())


def test_this_machine(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sis_edge.transport.connect", lambda *_, **__: LocalTransport(tmp_path))
    assert run(["profiles", "detect"]) == 0
    assert capsys.readouterr().out.startswith("local: profile ")
