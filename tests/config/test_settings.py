"""What a file and variables say: each value with its place, each mistake in one sentence."""

import json
from pathlib import Path
from typing import Literal

import jsonschema
import pytest

from sis_edge.config import DEFAULTS, FILE, ConfigOption, Configuration, Options, read, with_defaults
from sis_edge.config.file import file_model
from sis_edge.config.options import leaves
from sis_edge.errors import UsageError


def options(*given: ConfigOption) -> dict[str, ConfigOption]:
    return {option.key: option for option in given}


THREADS = ConfigOption("threads", int | None, "Threads.", "N", minimum=1, maximum=64)
NETWORKS = ConfigOption("networks", str | None, "Networks.", "NAMES")
PLACE = ConfigOption("build-dir", Path, "Folder.", "FOLDER")
TABLES: Options = with_defaults(
    {
        ("bench",): options(
            THREADS,
            NETWORKS,
            PLACE,
            ConfigOption("strict", bool, "Long."),
            ConfigOption("rate", float | None, "Rate."),
            ConfigOption("precision", Literal["bf16", "fp32"] | None, "Precision."),
            ConfigOption("limit", int | None, "Images."),
            ConfigOption("trust", bool, "Trust."),
            ConfigOption("onnx", list[str] | None, "Models.", "FILE"),
            ConfigOption("profile", str | None, "Profile.", "NAME"),
            ConfigOption("inventory", Path | None, "Boards.", "FILE"),
            ConfigOption("schema", bool, "A name that pydantic has."),
        ),
        ("fleet", "deploy"): options(THREADS, PLACE, ConfigOption("limit", str | None, "Boards.", "NAMES")),
        ("export-run",): options(PLACE, ConfigOption("run", list[Path] | None, "Runs.", "FILE")),
    }
)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, folder: Path | None = None) -> Path:
    path = (folder or Path.cwd()) / FILE
    path.write_text(text)
    return path


def values(found: Configuration, *command: str) -> dict[str, object]:
    return {key: setting.value for key, setting in found.of(command).items()}


def test_every_kind_of_value() -> None:
    path = written(
        """[bench]
threads = 4
networks = ["nin", "a"]
strict = true
rate = 30
precision = "fp32"
onnx = ["a.onnx", "b=models/b.onnx"]
schema = true
limit = 5
[fleet.deploy]
limit = "rack-*"
[export-run]
run = ["runs/a.json"]
"""
    )
    found = read(TABLES, path)
    assert values(found, "bench") == {
        **{"threads": 4, "networks": "nin,a", "strict": True, "rate": 30.0, "precision": "fp32", "limit": 5},
        **{"onnx": ["a.onnx", "b=models/b.onnx"], "schema": True},
    }
    assert values(found, "fleet", "deploy") == {"limit": "rack-*"}
    assert values(found, "export-run") == {"run": ["runs/a.json"]}
    assert {setting.key: setting.line for setting in found.settings if setting.table == ("bench",)}["precision"] == 6
    assert found.of(("bench",))["threads"].place == f"{path}, line 2"


def test_the_environment_before_the_file_and_a_command_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    path = written("[defaults]\nthreads = 1\n")
    assert values(read(TABLES, path), "bench") == {"threads": 1}
    path.write_text("[defaults]\nthreads = 1\n[bench]\nthreads = 2\n")
    assert values(read(TABLES, path), "bench") == {"threads": 2}
    assert values(read(TABLES, path), "fleet", "deploy") == {"threads": 1}
    monkeypatch.setenv("SIS_EDGE_DEFAULTS__THREADS", "3")
    assert values(read(TABLES, path), "bench") == {"threads": 3}
    monkeypatch.setenv("SIS_EDGE_BENCH__THREADS", "4")
    found = read(TABLES, path)
    assert values(found, "bench") == {"threads": 4}
    assert values(found, "fleet", "deploy") == {"threads": 3}
    assert [(setting.place, setting.rank) for setting in found.settings] == [
        ("SIS_EDGE_BENCH__THREADS", 1),
        ("SIS_EDGE_DEFAULTS__THREADS", 2),
        (f"{path}, line 4", 3),
        (f"{path}, line 2", 4),
    ]


def test_every_kind_of_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SIS_EDGE_BENCH__THREADS": "4",
        "SIS_EDGE_BENCH__NETWORKS": "nin,a",
        "SIS_EDGE_BENCH__STRICT": "true",
        "SIS_EDGE_BENCH__RATE": "2.5",
        "SIS_EDGE_BENCH__PRECISION": "bf16",
        "SIS_EDGE_BENCH__TRUST": "1",
        "SIS_EDGE_BENCH__ONNX": '["a.onnx"]',
        "SIS_EDGE_BENCH__SCHEMA": "false",
        "SIS_EDGE_FLEET__DEPLOY__LIMIT": "rack-*",
        "SIS_EDGE_EXPORT_RUN__BUILD_DIR": "b",
        "SIS_EDGE_FLEET__DEPLOY__THREADS": "",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SIS_EDGE_CACHE", "elsewhere")
    found = read(TABLES, None)
    assert values(found, "bench") == {
        **{"threads": 4, "networks": "nin,a", "strict": True, "rate": 2.5, "precision": "bf16", "trust": True},
        **{"onnx": ["a.onnx"], "schema": False},
    }
    assert values(found, "fleet", "deploy") == {"limit": "rack-*"}
    assert values(found, "export-run") == {"build-dir": "b"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[bench]\nthreds = 1\n", "line 2, bench.threds is no option of sis-edge bench; did you mean threads?"),
        ("[bnech]\nthreads = 1\n", "line 1, bnech is the table of no command that has options; did you mean bench?"),
        ("[fleet.deplyo]\na = 1\n", "fleet.deplyo is the table of no command that has options; did you mean deploy?"),
        ("[fleet]\nthreads = 1\n", "line 2, fleet.threads is no option of sis-edge fleet; known: deploy"),
        ("\nthreads = 1\n", "line 2, threads is in no table; write it below [defaults] or a command, such as [bench]"),
        ("bench = 1\n", "line 1, bench is a value, and must be a table: [bench]"),
        ("[[bench]]\nthreads = 1\n", "bench is a value, and must be a table: [bench]"),
        ("[bench.threads]\na = 1\n", "line 1, bench.threads is a table, and must be a value"),
        ("[defaults]\nlimit = 1\n", "defaults.limit is not the same in every command that has it; write it below "
         "theirs: bench, fleet.deploy"),
        ("[defaults]\nthread = 1\n", "defaults.thread is no option of any command; did you mean threads?"),
        ("[bench]\nthreads = 0\n", "line 2, bench.threads: it is 0, and must be greater than or equal to 1"),
        ("[bench]\n\nthreads = 65\n", "line 3, bench.threads: it is 65, and must be less than or equal to 64"),
        ("[bench]\nthreads = '1'\n", 'line 2, bench.threads: it is "1", and must be a whole number'),
        ("[bench]\nthreads = true\n", "line 2, bench.threads: it is true, and must be a whole number"),
        ("[bench]\nstrict = 1\n", "line 2, bench.strict: it is 1, and must be true or false"),
        ("[bench]\nprofile = 5\n", "line 2, bench.profile: it is 5, and must be a text"),
        ("[bench]\nonnx = 'a.onnx'\n", 'bench.onnx: it is "a.onnx", and must be a list'),
        ("[bench]\nnetworks = [true]\n", "bench.networks: it is [true], and must be a text"),
        ("[bench]\nprecision = 'fp16'\n", "bench.precision: it is \"fp16\", and must be 'bf16' or 'fp32'"),
        ("[bench]\nrate = nan\n", "bench.rate: it is NaN, and must be a finite number"),
        ("[bench]\ntrust = true\n", "line 2, bench.trust is not taken from a file, since programs of unknown origin "
         "would run as you; name --trust on the command line"),
        ("[defaults]\ntrust = false\n", "line 2, defaults.trust is not taken from a file"),
        ("[bench\n", "is not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_place(text: str, sentence: str) -> None:
    path = written(text)
    with pytest.raises(UsageError) as raised:
        read(TABLES, path)
    said = str(raised.value)
    assert said.startswith(f"the configuration {path} ")
    assert sentence in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("profile", "own.toml", "a profile's file names the Python that runs; name it with --profile, or vouch"),
        ("inventory", "boards.toml", "an inventory names profiles and keys; name it with --inventory, or vouch"),
    ],
)
def test_a_file_that_nobody_named_chooses_no_programs(key: str, value: str, why: str) -> None:
    path = written(f"[bench]\nthreads = 1\n{key} = '{value}'\n")
    with pytest.raises(UsageError) as raised:
        read(TABLES, path)
    assert str(raised.value).startswith(f"{path}, line 3: {key} is '{value}', and {why}")
    assert values(read(TABLES, path, is_named=True), "bench")[key] == value
    path.write_text("[bench]\nprofile = 'local'\n")
    assert values(read(TABLES, path), "bench") == {"profile": "local"}


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(
        UsageError, match=r"the configuration x.toml cannot be read \(No such file .*\); --no-config reads"
    ):
        read(TABLES, Path("x.toml"))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SIS_EDGE_BENCH__THREDS", "1", "is for no option; did you mean SIS_EDGE_BENCH__THREADS?"),
        ("SIS_EDGE_X__Y", "1", "the variable SIS_EDGE_X__Y is for no option; a name is SIS_EDGE_COMMAND__OPTION"),
        ("SIS_EDGE_BENCH__THREADS", "two", 'SIS_EDGE_BENCH__THREADS: it is "two", and must be a whole number'),
        ("SIS_EDGE_BENCH__THREADS", "0", 'SIS_EDGE_BENCH__THREADS: it is "0", and must be greater than or equal to 1'),
        ("SIS_EDGE_BENCH__STRICT", "perhaps", 'SIS_EDGE_BENCH__STRICT: it is "perhaps", and must be true or false'),
        ("SIS_EDGE_BENCH__ONNX", "a.onnx", "SIS_EDGE_BENCH__ONNX is 'a.onnx', and must be a list as JSON"),
        ("SIS_EDGE_BENCH__ONNX", "[1]", "SIS_EDGE_BENCH__ONNX: it is 1, and must be a text"),
    ],
)
def test_a_mistake_in_a_variable_names_it(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as raised:
        read(TABLES, None)
    assert sentence in str(raised.value)


def test_paths_count_from_the_file_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(
        """[bench]
build-dir = "out/build"
onnx = ["a.onnx", "b=models/b.onnx"]
profile = "boards/own.toml"
networks = "nin"
[fleet.deploy]
build-dir = "/elsewhere"
[export-run]
build-dir = "~/build"
run = ["a.json"]
"""
    )
    inner = tmp_path / "x" / "y"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    monkeypatch.setenv("HOME", "/home/somebody")
    found = read(TABLES, path, is_named=True)
    assert values(found, "bench") == {
        "build-dir": "../../out/build",
        "onnx": ["../../a.onnx", "b=../../models/b.onnx"],
        "profile": "../../boards/own.toml",
        "networks": "nin",
    }
    assert values(found, "fleet", "deploy") == {"build-dir": "/elsewhere"}
    assert values(found, "export-run") == {"build-dir": "/home/somebody/build", "run": ["../../a.json"]}


def test_the_schema_is_for_the_same_files() -> None:
    schema = file_model(TABLES).model_json_schema()
    check = jsonschema.Draft202012Validator(schema)
    check.validate({"bench": {"threads": 1, "networks": ["nin"], "onnx": ["a"]}, "fleet": {"deploy": {"limit": "a"}}})
    for wrong in ({"bench": {"threads": 0}}, {"bench": {"trust": True}}, {"x": {}}, {"defaults": {"limit": 1}}):
        assert list(check.iter_errors(wrong)), wrong
    assert "Threads." in json.dumps(schema)


def test_defaults_are_what_takes_the_same_everywhere() -> None:
    shared = set(TABLES[DEFAULTS])
    assert shared >= {"threads", "networks", "build-dir", "strict"}
    assert "limit" not in shared
    assert list(leaves({"a": {"b": 1}, "c": 2})) == [(("a",), "b", 1), ((), "c", 2)]
