"""`sis-edge gate` as a user has it: what it prints and writes, its exit codes, and one run on this machine."""

import json
import re
from pathlib import Path
from subprocess import CompletedProcess

import jsonschema
import pytest
from cli.test_bench import SHORT
from command import sis_edge_here
from sshd import Server
from tiny_bundle import tiny_bundle

from gate.runs import gate_run
from sis_edge import profiles
from sis_edge.board.measure import StoredFile
from sis_edge.bundles.verify import file_entries, write_manifest
from sis_edge.cli.documents import schemas
from sis_edge.results import store

REGRESSED = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bundles, and this machine's profile with a measuring of a moment."""
    place = tmp_path_factory.mktemp("gate")
    for name in ("old", "new"):
        tiny_bundle(place / name)
    text = profiles.find("local").read_text(encoding="utf-8")
    (place / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, text), encoding="utf-8")
    return place


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch):
    """Stands for the board: the candidate is slower by so much."""

    def choose(slower: float) -> None:
        def measure(bundle, transport, profile, runs_dir: Path, *, networks, seed: int, **how) -> list[StoredFile]:
            names = (bundle.manifest.names * 2)[:2]
            run = gate_run(slower, seed=seed, names=(names[0], names[1]))
            return [StoredFile(run, store.save(run, runs_dir))]

        monkeypatch.setattr("sis_edge.gate.measurer.measure", measure)

    return choose


def gate(place: Path, *words: str, **changes: str) -> "CompletedProcess[str]":
    return sis_edge_here("gate", *words, cwd=place, XDG_DATA_HOME=str(place / "data"), **changes)


BOTH = ("new", "--base", "old", "--networks", "dense")


def test_it_passes_and_says_what_was_measured(place: Path, measured) -> None:
    measured(0.0)
    done = gate(place, *BOTH)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASSED: 2 not measured, 3 ok\n\ndense\n")
    assert re.search(r"^latency +5\.\d\d ms +5\.\d\d ms +[+−]?0\.\d% \[\S+, \S+\] +2% +ok", done.stdout, re.M)
    assert "dense accuracy not measured: no labels were given\n" in done.stdout
    table = done.stdout.partition("dense energy")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert len([line for line in table if line.startswith(("latency", "energy", "memory", "accuracy", "size"))]) == 5


def test_it_fails_with_its_own_code_and_writes_every_file(place: Path, measured) -> None:
    measured(0.05)
    files = ("--junit", "out/j.xml", "--markdown", "out/m.md", "--benchmark-json", "out/b.json")
    done = gate(place, *BOTH, *files, "--json")
    assert done.returncode == REGRESSED
    assert "Error: the gate does not let new pass: dense latency regressed\n" in done.stderr
    assert "beyond its limit: latency; measuring again to confirm" in done.stderr
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schemas.schema("gate")).validate(document)
    assert (document["passed"], document["interleaved"], len(document["runs"])) == (False, True, 2)
    latency, energy, *_ = document["findings"]
    assert (latency["metric"], latency["state"], latency["stops"]) == ("latency", "regressed", True)
    assert latency["change_low"] > latency["limit"] == 0.02
    assert (energy["base"], energy["state"]) == (None, "not measured")
    assert '<failure message="latency +' in (place / "out/j.xml").read_text()
    assert (place / "out/m.md").read_text().startswith("## sis-edge gate FAILED")
    assert json.loads((place / "out/b.json").read_text())[0]["name"] == "dense: latency (median)"


@pytest.mark.slow
def test_against_a_stored_run(place: Path, measured) -> None:
    measured(0.0)
    reference = store.save(gate_run(names=("dense", "sparse"), kind="steady"), place / "before")
    words = ("new", "--against", str(reference), "--networks", "dense")
    done = gate(place, *words)
    assert done.returncode == 9
    assert "is not comparable: " in done.stderr
    assert done.stderr.rstrip().endswith("or give --force to compare all the same")
    done = gate(place, *words, "--force", "--require", "latency,energy")
    assert done.returncode == REGRESSED, done.stderr
    assert "dense energy not measured" in done.stderr
    assert "Note: base and candidate were not measured in one job" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("new",), 2, "there is nothing to compare with; name a base with --base, or a stored run with --against"),
        (("new", "--base", "old", "--against", "x.json"), 2, "--against and --base exclude each other"),
        (("new", "--base", "old", "--force"), 2, "--base and --force exclude each other"),
        ((*BOTH, "--max-regress", "lots"), 2, "--max-regress is 'lots', and must be shares"),
        ((*BOTH, "--require", "power"), 2, "unknown metric in --require 'power'"),
        ((*BOTH, "--shape", "x=1"), 2, "belong to models, and new and old are none"),
        (("new", "--base", "old", "--networks", "nin"), 2, "unknown network in base and candidate 'nin'"),
        (("nowhere", "--base", "old"), 2, "'nowhere' is not there; name a bundle's folder, a model"),
        (("empty", "--base", "old"), 4, "empty is not a bundle"),
        (("new", "--against", "none.json"), 9, "none.json cannot be read"),
        ((*BOTH, "--junit", "short.toml/x.xml"), 10, "cannot write short.toml"),
    ],
)
def test_mistakes_end_in_a_sentence_before_anything_is_measured(
    place: Path, measured, words: tuple[str, ...], code: int, sentence: str
) -> None:
    measured(0.0)
    (place / "empty").mkdir(exist_ok=True)
    runs = set(place.glob("runs/*"))
    done = gate(place, *words)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert set(place.glob("runs/*")) == runs


def test_programs_of_unknown_origin_are_not_run(place: Path, measured) -> None:
    measured(0.0)
    strange = tiny_bundle(place / "strange")
    (place / "strange/native").mkdir()
    (place / "strange/native/libnew.so").write_bytes(b"\x7fELF")
    write_manifest(strange.path, strange.manifest.model_copy(update={"files": file_entries(strange.path)}))
    for words in (("new", "--base", "strange"), ("strange", "--base", "old")):
        done = gate(place, *words, "--networks", "dense")
        assert done.returncode == 4
        assert "strange holds programs of unknown origin (native/libnew.so)" in done.stderr
    assert gate(place, "strange", "--base", "old", "--networks", "dense", "--trust").returncode == 0


@pytest.mark.slow
def test_a_board_measures_both_in_the_same_rounds_and_one_against_that_run(place: Path, server: Server) -> None:
    """Over a real SSH server. No latency decides here, whose limit is far off."""
    ssh = ("--host", "127.0.0.1", "--port", str(server.port), "--identity", str(server.identity))
    how = (*ssh, "--known-hosts", str(server.known_hosts), "--profile", "short.toml", "--runs-dir", "real", "--json")
    done = gate(place, *BOTH, *how, "--max-regress", "500%,accuracy=0", HOME=str(server.client))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    run = store.load(place / document["runs"][0])
    assert {record.name for record in run.record.networks} == {"base/dense", "candidate/dense"}
    assert len({len(record.rounds) for record in run.record.networks}) == 1
    states = {each["metric"]: each["state"] for each in document["findings"]}
    assert states["size"] == "ok"
    assert states["memory"] == "undecided"  # in one fresh process each
    assert states["accuracy"] == "undecided"  # on 8 images
    assert run.record.networks[0].golden.passed

    words = ("new", "--against", document["runs"][0], *how, "--max-regress", "500%")
    none = gate(place, *words, HOME=str(server.client))
    assert none.returncode == 2
    assert "no network in common: base/dense, candidate/dense and dense, sparse" in none.stderr
