"""SQL over stored runs: the views hold what the runs hold, and nothing else is in reach."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import jsonschema
import pytest
from command import sis_edge_here
from results.factory import failed, network_record, stored_run

from sis_edge.cli.documents import schemas
from sis_edge.errors import UsageError
from sis_edge.query import formats, rows, running
from sis_edge.query.views import VIEWS
from sis_edge.report import summaries
from sis_edge.results import store
from sis_edge.results.comparison import compare
from sis_edge.results.rows.fields import FIELDS, values

pytest.importorskip("duckdb", reason="query needs duckdb, the extra query")

FIRST = stored_run([network_record("nin", 6, 3), failed("cifar10-sis3")], names=("nin", "cifar10-sis3"), run_id="first")
_later = stored_run(
    names=("nin",), rounds=2, per_round=3, run_id="second", stored_at=FIRST.stored_at + timedelta(days=1)
)
SECOND = _later.model_copy(update={"record": _later.record._replace(duration_s=1.0)})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for run in (FIRST, SECOND):
        store.save(run, folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIS_EDGE_CACHE", str(tmp_path / "cache"))


def ask(sql: str, runs: Path) -> list[tuple[Any, ...]]:
    pairs = lambda: [(each.path, each.summary) for each in summaries.each(runs) if each.summary]  # noqa: E731
    return list(running.run(sql, pairs).rows)


def test_every_view_has_its_columns_and_every_column_can_be_asked_for(runs: Path) -> None:
    for view in VIEWS.values():
        columns = ", ".join(f'"{column.name}"' for column in view.columns)
        (count,) = ask(f'SELECT count(*) FROM (SELECT {columns} FROM "{view.name}")', runs)[0]
        assert count > 0, view.name
    assert [view.name for view in VIEWS.values() if view.reads_samples] == list(rows.OF_SAMPLES)


def test_networks_are_the_rows_of_a_report(runs: Path) -> None:
    names = ", ".join(f'"{field.name}"' for field in FIELDS)
    found = ask(f"SELECT {names} FROM networks ORDER BY stored_at", runs)
    assert found == [tuple(values(row).values()) for run in (FIRST, SECOND) for row in compare(run)]


def test_rounds_and_samples_are_those_of_the_record(runs: Path) -> None:
    turns = FIRST.record.networks[0].rounds
    sql = "SELECT round, position, inferences, median_s FROM rounds WHERE run_id = 'first' ORDER BY round"
    assert ask(sql, runs) == [
        (turn.round, turn.position, len(turn.latencies_s), median(turn.latencies_s)) for turn in turns
    ]
    sql = "SELECT latency_s FROM samples WHERE run_id = 'first' AND network = 'nin' ORDER BY round, number"
    assert [value for (value,) in ask(sql, runs)] == [value for turn in turns for value in turn.latencies_s]


def test_views_are_found_whatever_the_sql_looks_like(runs: Path) -> None:
    sql = 'WITH own AS (SELECT * FROM "Samples" JOIN ROUNDS USING (path, network, round)) SELECT count(*) FROM own'
    assert ask(sql, runs) == [(6 * 3 + 2 * 3,)]


def test_runs_are_read_whole_only_where_samples_are_asked_for(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("SELECT count(*) FROM runs", runs) == [(2,)]
    monkeypatch.setattr(store, "load", None)  # who calls it fails
    assert ask("SELECT count(samples), count(rounds) FROM networks", runs) == [(3, 3)]


def test_a_copy_with_a_meter_is_one_run(tmp_path: Path) -> None:
    for hours in (0, 1):
        store.save(
            SECOND.model_copy(update={"stored_at": SECOND.stored_at + timedelta(hours=hours)}), tmp_path / "runs"
        )
    assert ask("SELECT hour(stored_at) FROM runs", tmp_path / "runs") == [((SECOND.stored_at.hour + 1) % 24,)]


HOSTILE = (
    ("COPY runs TO '{0}/new.csv'", "of the kind COPY"),
    ("COPY (SELECT 1) TO '{0}/new.parquet'", "of the kind COPY"),
    ("EXPORT DATABASE '{0}/new'", "of the kind EXPORT"),
    ("ATTACH '{0}/new.db'", "of the kind ATTACH"),
    ("INSTALL httpfs", "of the kind LOAD"),
    ("SET enable_external_access = true", "of the kind SET"),
    ("PRAGMA enable_profiling='json'", "only reads"),
    ("CALL pragma_version()", "only reads"),
    ("CREATE TABLE t AS SELECT 1", "of the kind CREATE"),
    ("INSERT INTO runs (run_id) VALUES ('x')", "of the kind INSERT"),
    ("WITH t AS (SELECT 1) DELETE FROM runs", "of the kind DELETE"),
    ("SELECT 1; COPY runs TO '{0}/new.csv'", "has 2 statements"),
    ("", "has 0 statements"),
    ("-- nothing", "has 0 statements"),
    ("SELECT * FROM read_csv('{0}/secret.csv')", "no file and no extension"),
    ("SELECT * FROM read_text('{0}/secret.csv')", "no file and no extension"),
    ("SELECT * FROM glob('{0}/*')", "no file and no extension"),
    ("SELECT * FROM '{0}/secret.csv'", "no file and no extension"),
    ("SELECT * FROM duckdb_secrets()", "no file and no extension"),
    ("SELECT * FROM secret", "does not exist"),
    ("SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')", "no file and no extension"),
    ("SELECT getenv('HOME')", "getenv does not exist"),
    ("EXPLAIN ANALYZE COPY runs TO '{0}/new.csv'", ""),
    ("SELECT nope FROM runs", "SQL: Binder Error: Referenced column"),
    ("SELEC 1", "syntax error"),
    ("SELECT 'a\nb' FROM nowhere\x1b[2J", "SQL: "),
    ("SELECT error('boom')", "boom"),
)


@pytest.mark.parametrize(("sql", "sentence"), HOSTILE)
def test_sql_that_writes_or_reads_anything_else_is_refused(tmp_path: Path, runs: Path, sql: str, sentence: str) -> None:
    (tmp_path / "secret.csv").write_text("a\nhidden\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    secret = [{"a": "hidden"}]  # a variable of this program's, which duckdb would find by its name
    with pytest.raises(UsageError) as caught:
        ask(sql.format(tmp_path), runs)
    assert secret
    message = str(caught.value)
    assert sentence in message
    assert "hidden" not in message
    assert message.isprintable()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}.keys() - before.keys() == set()


def test_a_mistake_is_found_before_a_run_is_read() -> None:
    def read() -> Any:
        raise AssertionError("runs were read")

    with pytest.raises(UsageError, match="nope"):
        running.run("SELECT nope FROM networks", read)


def test_without_duckdb_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r"pip install 'sis-edge\[query\]'"):
        running.run("SELECT 1", list)


def test_values_that_json_has_not_are_text(runs: Path) -> None:
    sql = (
        "SELECT 'nan'::DOUBLE, 1.5::DECIMAL(4,2), DATE '2026-01-02', [1, NULL], {'a': true}, NULL, INTERVAL 1 HOUR, "
        "'-inf'::DOUBLE, true, 2::HUGEINT, '\x1b[2J'"
    )
    answer = running.run(sql, list)
    assert [formats.plain(value) for value in answer.rows[0]] == [
        *("nan", "1.50", "2026-01-02", [1, None], {"a": True}, None, "1:00:00", "-inf", True, 2, "\x1b[2J")
    ]
    line = formats.to_csv(answer).splitlines()[1]
    assert line.startswith('nan,1.50,2026-01-02,"[1, null]","{""a"": true}",,1:00:00,-inf,true,2,')


def test_from_the_command_line(tmp_path: Path, runs: Path) -> None:
    words = ("--runs-dir", str(runs))
    sql = "SELECT network, latency_p50_s FROM networks ORDER BY run_id, network"
    done = sis_edge_here("query", sql, "--json", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schemas.schema("query")).validate(found)
    assert [column["name"] for column in found["columns"]] == ["network", "latency_p50_s"]
    assert found["rows"][0] == ["cifar10-sis3", None]
    done = sis_edge_here("query", sql, "--format", "csv", *words, cwd=tmp_path)
    assert done.stdout.splitlines()[:2] == ["network,latency_p50_s", "cifar10-sis3,"]
    assert "cifar10-sis3" in sis_edge_here("query", sql, *words, cwd=tmp_path).stdout
    described = sis_edge_here("query", "--schema", cwd=tmp_path).stdout
    assert all(column.name in described for view in VIEWS.values() for column in view.columns)
    assert sis_edge_here("query", cwd=tmp_path).returncode == 2
    assert sis_edge_here("query", "SELECT 1", "--schema", cwd=tmp_path).returncode == 2
    done = sis_edge_here("query", "SELECT * FROM runs", cwd=tmp_path)
    assert (done.returncode, "no stored run" in done.stderr) == (9, True)
