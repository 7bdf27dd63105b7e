"""`sis-edge boards`, and the names of the inventory where a command asks for a host."""

import json
from pathlib import Path

import pytest
from sshd import free_port
from tiny_bundle import tiny_bundle

from sis_edge.bundles.manifest import MANIFEST
from sis_edge.cli import complete, reach, run
from tests.cli.test_json import Stage, check, printed


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_board_from_its_adding_to_its_removal(tmp_path: Path, capsys: Stage) -> None:
    assert check("boards-list", printed(capsys, "boards", "list"))["reasons"] == {"path": "there is no inventory"}
    assert run(["boards", "list"]) == 0
    assert "`sis-edge boards add` writes one" in capsys.readouterr().out
    words = ("boards", "add", "kitchen", "--host", "pi5.local", "--user", "pi", "--port", "2222", "--group", "rack-1")
    found = check("boards-add", printed(capsys, *words, "--profile", "raspberry-pi-5", "--notes", "with the fan"))
    assert found["path"] == str(tmp_path / "config/sis-edge/boards.toml")
    shown = check("boards-show", printed(capsys, "boards", "show", "kitchen"))
    assert shown["board"] == found["board"]
    assert shown["board"]["reasons"].keys() == {"identity", "known_hosts", "simulated"}
    assert check("boards-check", printed(capsys, "boards", "check"))["groups"] == {"rack-1": ["kitchen"]}
    assert run(["boards", "check"]) == 0
    assert "boards.toml is sound: 1 board in 1 group." in capsys.readouterr().out
    assert run(["boards", "list", "--group", "rack-1"]) == 0
    assert "pi@pi5.local:2222" in capsys.readouterr().out
    assert complete.one(complete.inventory)("kit") == ["kitchen"]
    assert check("boards-remove", printed(capsys, "boards", "remove", "kitchen"))["name"] == "kitchen"
    assert printed(capsys, "boards", "list")["boards"] == []


def test_a_simulated_board_from_its_adding_to_a_job_on_it(capsys: Stage) -> None:
    assert run(["boards", "add", "shelf", "--inventory", "boards.toml", "--simulated", "nano-sim"]) == 0
    capsys.readouterr()
    shown = check("boards-show", printed(capsys, "boards", "show", "shelf"))["board"]
    assert (shown["simulated"], shown["host"], shown["profile"]) == ("nano-sim", None, "jetson-nano")
    assert (shown["reasons"]["host"], shown["reasons"]["user"]) == ("simulated on this machine",) * 2
    assert run(["boards", "list"]) == 0
    assert "shelf  nano-sim (simulated)  jetson-nano" in capsys.readouterr().out
    found = check("profiles-detect", printed(capsys, "profiles", "detect", "--host", "shelf"))
    assert found["profile"] == "jetson-nano"
    assert check("jobs-list", printed(capsys, "jobs", "--host", "shelf"))["jobs"] == []
    assert run(["calibrate", "--host", "shelf"]) == 8
    assert "simulated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["boards", "add", "a"], "say where the board is with --host, or what it simulates with --simulated"),
        (["boards", "add", "a", "--simulated", "nano-sim", "--port", "2"], "--simulated and --port exclude each other"),
        (["boards", "add", "a", "--simulated", "nano"], "unknown simulated board 'nano'; did you mean nano-sim?"),
        (["boards", "show", "x"], "there is no inventory (boards.toml here, or "),
        (["boards", "list", "--inventory", "no.toml"], "the inventory no.toml cannot be read"),
        (["boards", "add", "a b", "--host", "x"], "'a b' cannot be the name of a board"),
        (["boards", "add", "a", "--host", "x", "--profile", "nan"], "boards.a.profile: unknown profile 'nan'"),
        (["deploy", "--inventory", "no.toml"], "--inventory is for SSH; name the board with --host"),
        (["deploy", "--host", "a", "--inventory", "no.toml"], "the inventory no.toml cannot be read"),
        (["fleet", "deploy"], "the inventory has no board; `sis-edge boards add` adds one"),
        (["fleet", "deploy", "--name", "../x"], "'../x' cannot be the name of a fleet"),
    ],
)
def test_what_cannot_be_meant(words: list[str], sentence: str, tmp_path: Path, capsys: Stage) -> None:
    assert run(words) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.rglob("*.toml"))


def test_check_names_every_board_with_a_problem(capsys: Stage) -> None:
    Path("boards.toml").write_text(
        '[boards.a]\nhost = "a"\nprofile = "a.toml"\n[boards.b]\nhost = "b"\nidentity = "key"\n[boards.c]\nhost = "c"\n'
    )
    assert run(["boards", "check"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("Error: boards.toml: boards.a: the profile ")
    assert second.startswith("boards.toml: boards.b: key file ")


def test_a_host_is_a_name_of_the_inventory_first(tmp_path: Path, capsys: Stage) -> None:
    folder = tiny_bundle(tmp_path / "tiny").path
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "profile": "local"}))
    port = free_port()
    Path("boards.toml").write_text(f'[boards.here]\nhost = "127.0.0.1"\nport = {port}\nprofile = "local"\n')
    assert run(["deploy", "--bundle", "tiny", "--host", "here"]) == 6
    assert f"127.0.0.1 port {port} cannot be reached" in capsys.readouterr().err
    other = free_port()
    assert run(["deploy", "--bundle", "tiny", "--host", "here", "--port", str(other)]) == 6
    assert f"127.0.0.1 port {other} cannot be reached" in capsys.readouterr().err
    assert run(["deploy", "--bundle", "tiny", "--host", "no-such-host.invalid"]) == 6
    assert "host no-such-host.invalid not found" in capsys.readouterr().err
    Path("boards.toml").write_text(f'[boards.here]\nhost = "127.0.0.1"\nport = {port}\nprofile = "own.toml"\n')
    assert run(["deploy", "--bundle", "tiny", "--host", "here"]) == 2
    assert f"the profile {tmp_path}/own.toml cannot be read" in capsys.readouterr().err
    assert run(["deploy", "--bundle", "tiny", "--host", "here", "--profile", "local"]) == 6


def test_an_inventory_beside_a_host_names_that_board(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text('[boards.a]\nhost = "x"\nprofile = "local"\n[boards.b]\nhost = "y"\n')
    (one,) = reach.connections(host="a", inventory=path).values()
    assert (one.profile(None), one.words) == ("local", ("--host", "a", "--inventory", str(path)))
    assert list(reach.connections(inventory=path)) == ["a", "b"]
