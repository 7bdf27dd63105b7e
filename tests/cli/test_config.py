"""`sis-edge config`, and the defaults of real commands."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main

from sis_edge.cli import app, run
from sis_edge.cli.configured import NEVER, ConfiguredCommand, ConfiguredGroup, configurable
from sis_edge.cli.documents import schemas
from sis_edge.cli.tables import tables
from sis_edge.config import DEFAULTS
from sis_edge.config.refused import REFUSED
from tests.cli.test_help import EVERY
from tests.cli.test_json import check, printed

ROOT: Any = typer.main.get_command(app)
TABLES = tables(ROOT)
PROJECT = """[defaults]
profile = "raspberry-pi-5"
threads = 1
runs-dir = "results/runs"
networks = ["nin", "cifar10-sis1"]

[form]
seed = 7

[fleet.deploy]
parallel = 8

[jobs]
host = "kitchen"
"""


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()


def test_every_option_of_every_command_is_a_key() -> None:
    """But for what only one call says, and commands that change the user's own files."""
    missing = {
        " ".join(path)
        for path, command in EVERY.items()
        for param in command.params
        if param.param_type_name == "option" and not param.hidden and param.name not in NEVER
        if path not in TABLES and not command.hidden
    }
    assert missing == {"boards add", "boards discover"} - (
        {"boards discover"} if ("boards", "discover") in TABLES else set()
    )
    for path, options in TABLES.items():
        if path != DEFAULTS:
            assert options.keys() == configurable(EVERY.get(path) or ROOT.commands[path[0]]).keys()


def test_a_table_has_no_key_that_is_a_command_s_name() -> None:
    for path, options in TABLES.items():
        inner = {each[len(path)] for each in TABLES if each[: len(path)] == path and len(each) > len(path)}
        assert not inner & options.keys()


def test_what_a_project_repeats_is_for_all_commands() -> None:
    wanted = "profile backend host user port identity inventory threads batch-size processes target-ci strict sustain"
    wanted += " build-dir runs-dir reports-dir data-dir dataset networks test-images epochs lock-clocks cores"
    wanted += " max-regress jobs cpus gpus cool-to rest"
    assert set(wanted.split()) <= TABLES[DEFAULTS].keys()


def test_what_is_refused_is_an_option_and_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text()
    every = {key for options in TABLES.values() for key in options}
    assert set(REFUSED) <= every
    assert [key for key in REFUSED if f"`{key}`" not in page] == []
    assert not set(REFUSED) & {"host", "build-dir"}


def test_what_decides_whom_to_trust_is_refused() -> None:
    """Whoever adds an option whose help has one of these words decides whether a file may set it."""
    words = ("trust", "password", "passphrase", "signer", "known host", "private", "without asking", "ray cluster")
    found = {
        key
        for options in TABLES.values()
        for key, option in options.items()
        if any(w in option.help.lower() for w in words)
    }
    assert found - set(REFUSED) == {"identity"}


def test_it_says_where_each_value_is_from(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sis-edge.toml").write_text(PROJECT)
    monkeypatch.setenv("SIS_EDGE_DEFAULTS__THREADS", "2")
    found = check("config-show", printed(capsys, "config", "show"))
    assert found["path"] == str(Path("sis-edge.toml").absolute())
    rows = {(each["command"], each["option"]): each for each in found["settings"] if each["source"] == "file"}
    assert rows[None, "threads"]["overridden_by"] == "SIS_EDGE_DEFAULTS__THREADS"
    assert rows["fleet deploy", "parallel"]["line"] == 11
    assert found["settings"][0] | {"reasons": {}} == {
        **{"command": None, "option": "threads", "value": 2, "source": "environment", "line": None},
        **{"variable": "SIS_EDGE_DEFAULTS__THREADS", "overridden_by": None, "reasons": {}},
    }
    assert run(["config", "show"]) == 0
    said = capsys.readouterr().out
    for row in ("all           --networks   nin,cifar10-sis1", "line 4", "SIS_EDGE_DEFAULTS__THREADS", "overridden"):
        assert row.split()[0] in said


def test_it_shows_all_options_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sis-edge.toml").write_text(PROJECT)
    found = check("config-show", printed(capsys, "config", "show", "fleet", "deploy"))
    rows = {each["option"]: each for each in found["settings"]}
    assert rows.keys() == TABLES["fleet", "deploy"].keys()
    assert (rows["parallel"]["value"], rows["parallel"]["source"]) == (8, "file")
    assert (rows["threads"]["value"], rows["threads"]["line"]) == (1, 3)
    assert (rows["require"]["value"], rows["require"]["source"]) == ("all", "default")
    assert rows["bundle"]["reasons"]["value"] == "the newest build for each board's profile"
    assert run(["config", "show", "bench"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    assert "results/runs" in said


def test_nothing_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show"]) == 0
    assert "nothing is set: there is no sis-edge.toml here or in a folder above" in " ".join(
        capsys.readouterr().out.split()
    )
    assert check("config-show", printed(capsys, "config", "show"))["settings"] == []
    assert run(["config", "show", "bnech"]) == 2
    assert "did you mean bench?" in capsys.readouterr().err


def test_the_schema_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    import tomllib

    validator = jsonschema.Draft202012Validator(schemas.schema("config"))
    validator.validate(tomllib.loads(PROJECT))
    assert list(validator.iter_errors({"bench": {"threads": 0}}))
    assert run(["schema", "config"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "sis-edge:config"


@pytest.mark.parametrize(
    ("text", "variables", "words", "seed"),
    [
        ("", {}, (), 0),
        ("[defaults]\nseed = 1\n", {}, (), 1),
        ("[defaults]\nseed = 1\n[form]\nseed = 2\n", {}, (), 2),
        ("[form]\nseed = 2\n", {"SIS_EDGE_DEFAULTS__SEED": "3"}, (), 3),
        ("[form]\nseed = 2\n", {"SIS_EDGE_DEFAULTS__SEED": "3", "SIS_EDGE_FORM__SEED": "4"}, (), 4),
        ("[form]\nseed = 2\n", {"SIS_EDGE_FORM__SEED": "4"}, ("--seed", "5"), 5),
        ("[form]\nseed = 2\n", {}, ("--no-config",), 0),
    ],
)
def test_flags_then_environment_then_file_then_defaults(
    text: str, variables: dict[str, str], words: tuple[str, ...], seed: int,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    Path("sis-edge.toml").write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert printed(capsys, "form", "--preset", "svhn-sis3", *words)["seed"] == seed


def test_a_value_that_a_command_refuses_is_named_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sis-edge.toml").write_text("[defaults]\nprofile = 'jetson-nan'\n")
    assert run(["predict", "--preset", "svhn-sis3"]) == 2
    said = capsys.readouterr().err
    assert "unknown profile 'jetson-nan'; did you mean jetson-nano?" in said
    assert f"--profile is from {Path('sis-edge.toml').absolute()}, line 2" in said
    Path("sis-edge.toml").write_text("[defaults]\nseed = 4294967296\nprofile = 'local'\n")
    assert run(["build"]) == 2
    assert f"--seed is from {Path('sis-edge.toml').absolute()}, line 2" in capsys.readouterr().err


def test_an_unknown_key_ends_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sis-edge.toml").write_text("[bench]\nthreds = 1\n")
    assert run(["datasets", "list"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("line 2, bench.threds is no option of sis-edge bench; did you mean threads?")
    assert run(["--no-config", "datasets", "list"]) == 0
    assert run(["--help"]) == 0


def test_what_changes_the_user_s_own_files_has_no_such_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sis-edge.toml").write_text("[defaults]\nhost = 'kitchen'\n")
    assert run(["boards", "add", "new", "--inventory", "b.toml"]) == 2
    assert "--host" in capsys.readouterr().err
    assert not Path("b.toml").exists()


def test_the_classes_are_those_of_commands() -> None:
    assert {type(command) for command in EVERY.values()} >= {ConfiguredCommand}
    assert isinstance(ROOT.commands["jobs"], ConfiguredGroup)
