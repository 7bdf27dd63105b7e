"""Options with defaults of a file: how they meet the command line's, on a small command line of the tests' own."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer

from sis_edge.cli.command import command, gathered
from sis_edge.errors import UsageError

app = typer.Typer()


@app.callback()
def _root(
    config: Annotated[Path | None, typer.Option()] = None,
    no_config: Annotated[bool, typer.Option("--no-config")] = False,
) -> None:
    """A small command line."""


def way(
    host: Annotated[str | None, typer.Option(help="Board.")] = None,
    port: Annotated[int | None, typer.Option(help="Port. [default: 22]")] = None,
) -> tuple[str | None, int | None]:
    """How a board is reached."""
    if port is not None and host is None:
        raise UsageError("--port is for SSH; name the board with --host")
    return host, port


@command(app, excludes={"strict": ("quick",), "against": ("base",)}, needs={"force": ("against",)})
@gathered("connect", way, belongs={"port": ("host",)})
def bench(
    connect: Any,
    profile: Annotated[str, typer.Option(help="Profile.")],
    strict: Annotated[bool, typer.Option("--strict", help="Long.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Short.")] = False,
    no_queue: Annotated[bool, typer.Option("--no-queue", help="Do not wait.")] = False,
    from_zoo: Annotated[bool | None, typer.Option("--from-zoo/--train", help="Which.")] = None,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="Run.")] = None,
    base: Annotated[str, typer.Option(help="Base.")] = "main",
    force: Annotated[bool, typer.Option("--force", help="Anyway.")] = False,
    undecided: Annotated[Literal["pass", "fail"], typer.Option(help="What then.")] = "pass",
    onnx: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Models.")] = None,
    runs_dir: Annotated[Path, typer.Option("--runs-dir", metavar="FOLDER", help="Runs.")] = Path("runs"),
) -> None:
    """Measure."""
    if profile == "x87":
        raise UsageError("unknown profile 'x87'")
    typer.echo(json.dumps(dict(locals()), default=str))


@command(app)
def other() -> None:
    """A second one, so that commands have names."""


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()


@pytest.fixture
def values(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `bench` with these words and a file with this text below [bench]; what its function was given."""

    def run(text: str, *words: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
        Path("sis-edge.toml").write_text(f"[bench]\nprofile = 'local'\n{text}")
        app([*before, "bench", *words], standalone_mode=False)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_values_arrive_as_the_command_line_makes_them(values: Any) -> None:
    found = values("onnx = ['a', 'b']\nundecided = 'fail'\nruns-dir = 'r'\nstrict = true\nfrom-zoo = false\n")
    assert (found["onnx"], found["undecided"], found["runs_dir"]) == (["a", "b"], "fail", "r")
    assert (found["strict"], found["from_zoo"], found["profile"]) == (True, False, "local")


def test_the_command_line_has_the_last_word(values: Any) -> None:
    text = "strict = true\nno-queue = true\nfrom-zoo = false\nonnx = ['a']\n"
    words = ("--no-strict", "--queue", "--from-zoo", "--onnx", "b", "--profile", "own")
    found = values(text, *words)
    assert (found["strict"], found["no_queue"], found["from_zoo"]) == (False, False, True)
    assert (found["onnx"], found["profile"]) == (["b"], "own")


def test_what_the_command_line_excludes_is_left_out(values: Any) -> None:
    assert values("strict = true\n", "--quick")["strict"] is False
    assert values("quick = true\n", "--strict")["quick"] is False
    found = values("base = 'v1'\n", "--against", "a.json")
    assert (found["base"], found["against"]) == ("main", "a.json")
    found = values("against = 'a.json'\n", "--base", "v2")
    assert (found["base"], found["against"]) == ("v2", None)


def test_a_stronger_table_excludes_too(values: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = values("strict = true\n[defaults]\nquick = true\n")
    assert (found["strict"], found["quick"]) == (True, False)
    monkeypatch.setenv("SIS_EDGE_DEFAULTS__QUICK", "true")
    found = values("strict = true\n")
    assert (found["strict"], found["quick"]) == (False, True)


def test_a_flag_that_is_unset_excludes_nothing(values: Any) -> None:
    assert values("strict = true\nquick = false\n")["strict"] is True
    assert values("strict = true\n", "--no-strict", "--quick")["quick"] is True


def test_two_of_the_file_that_exclude_each_other(values: Any) -> None:
    with pytest.raises(UsageError) as raised:
        values("strict = true\nquick = true\n")
    path = Path("sis-edge.toml").absolute()
    assert str(raised.value) == (
        "--strict and --quick exclude each other; leave one out; "
        f"--strict is from {path}, line 3; --quick is from {path}, line 4"
    )


def test_what_lacks_its_need_is_left_out(values: Any) -> None:
    assert values("force = true\n")["force"] is False
    assert values("force = true\n", "--against", "a")["force"] is True
    assert values("force = true\nagainst = 'a'\n")["force"] is True
    assert values("force = true\nagainst = 'a'\n", "--base", "b")["force"] is False
    assert values("port = 2222\n")["connect"] == [None, None]
    assert values("port = 2222\nhost = 'pi'\n")["connect"] == ["pi", 2222]
    assert values("port = 2222\n", "--host", "pi")["connect"] == ["pi", 2222]
    assert values("against = 'a'\n", "--force")["force"] is True


def test_on_the_command_line_it_is_a_mistake_as_before(values: Any) -> None:
    with pytest.raises(UsageError, match=r"^--force needs --against$"):
        values("", "--force")
    with pytest.raises(UsageError, match=r"^--port is for SSH; name the board with --host$"):
        values("port = 1\n", "--port", "2")
    with pytest.raises(UsageError, match=r"^--strict and --quick exclude each other; leave one out$"):
        values("strict = true\n", "--quick", "--strict")


def test_an_error_about_a_value_says_where_it_is_from(values: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIS_EDGE_BENCH__PROFILE", "x87")
    with pytest.raises(UsageError, match=r"^unknown profile 'x87'; --profile is from SIS_EDGE_BENCH__PROFILE$"):
        values("")
    with pytest.raises(UsageError, match=r"^unknown profile 'x87'$"):
        values("", "--profile", "x87")


def test_a_board_that_a_file_names_is_told(values: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Path("sis-edge.toml").write_text("[bench]\nprofile = 'local'\nhost = 'pi'\n")
    app(["bench"], standalone_mode=False)
    assert capsys.readouterr().err == f"board pi, as {tmp_path}/sis-edge.toml, line 3 says\n"
    app(["bench", "--host", "mine"], standalone_mode=False)
    assert capsys.readouterr().err == ""


def test_a_board_whose_address_was_found_too(
    values: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A repository's two files would decide what runs where: its profile may name any program as Python."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    Path("boards.toml").write_text("[boards.kitchen]\nhost = 'somewhere'\n")
    with pytest.raises(UsageError, match=r"line 3 names the board kitchen, and boards.toml says where it is; name it"):
        values("host = 'kitchen'\n")
    assert values("host = 'other'\n")["connect"] == ["other", None]
    assert values("host = 'kitchen'\n", "--host", "kitchen")["connect"] == ["kitchen", None]
    assert values("host = 'kitchen'\n", "--config", "sis-edge.toml")["connect"] == ["kitchen", None]
    monkeypatch.setenv("SIS_EDGE_BENCH__HOST", "kitchen")
    assert values("")["connect"] == ["kitchen", None]
    monkeypatch.delenv("SIS_EDGE_BENCH__HOST")
    (tmp_path / "own" / "sis-edge").mkdir(parents=True)
    Path("boards.toml").rename(tmp_path / "own" / "sis-edge" / "boards.toml")
    assert values("host = 'kitchen'\n")["connect"] == ["kitchen", None]


def test_which_file_is_read(values: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other, third = tmp_path / "other.toml", tmp_path / "third.toml"
    other.write_text("[bench]\nprofile = 'other'\n")
    third.write_text("[bench]\nprofile = 'third'\n")
    assert values("", "--config", str(other))["profile"] == "other"
    assert values("", before=("--config", str(other)))["profile"] == "other"
    monkeypatch.setenv("SIS_EDGE_CONFIG", str(third))
    assert values("")["profile"] == "third"
    assert values("", "--config", str(other))["profile"] == "other"
    for words in ({"before": ("--no-config",)}, {}):
        with pytest.raises(Exception, match=r"[Mm]issing"):
            values("", *(() if words else ("--no-config",)), **words)
    with pytest.raises(UsageError, match="--config and --no-config exclude each other"):
        values("", "--config", str(other), before=("--no-config",))


def test_the_help_has_the_defaults_that_hold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    Path("sis-edge.toml").write_text("[bench]\nprofile = 'own'\nport = 2222\nstrict = true\n")
    app(["bench", "--help"], standalone_mode=False)
    (profile, port, strict) = (
        next(line for line in capsys_lines if name in line)
        for capsys_lines in [capsys.readouterr().out.splitlines()]
        for name in ("--profile", "--port", "--strict")
    )
    assert "[default: own]" in profile
    assert "required" not in profile
    assert "[default: 2222]" in port
    assert "22]" not in port.replace("[default: 2222]", "")
    assert "[default: True]" in strict


def test_a_help_is_shown_even_with_a_damaged_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sis-edge.toml").write_text("[bench\n")
    app(["bench", "--help"], standalone_mode=False)
    assert "--profile" in capsys.readouterr().out
    with pytest.raises(UsageError, match="is not TOML"):
        app(["other"], standalone_mode=False)
