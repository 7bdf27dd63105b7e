"""`sis-edge bench` as a user has it: what it prints, stores, and refuses."""

import re
from pathlib import Path

import pytest
from command import sis_edge_here
from tiny_bundle import tiny_bundle

from sis_edge import profiles, simulated
from sis_edge.cli.lists import share, whole_numbers
from sis_edge.errors import UsageError
from sis_edge.results import store

SHORT = """[measuring]
rounds = 6
inferences_per_round = 20
min_inferences = 0
min_time_s = 0
memory_repeats = 1
processes = 1
warmup_s = 0.01
time_limit_s = 1200

"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A bundle of two tiny networks, and this machine's profile with a measuring of a moment."""
    place = tmp_path_factory.mktemp("bench")
    tiny_bundle(place / "bundle")
    text = profiles.find("local").read_text(encoding="utf-8")
    (place / "short.toml").write_text(re.sub(r"\[measuring\]\n[^\[]*", SHORT, text), encoding="utf-8")
    return place


def bench(folder: Path, *words: str, runs: str = "runs"):
    data = str(folder / "data")  # a local board of the tests' own: the user's may be measuring
    words = ("bundle", "--profile", "short.toml", "--runs-dir", runs, *words)
    return sis_edge_here("bench", *words, cwd=folder, XDG_DATA_HOME=data)


def test_it_prints_intervals_and_the_verdict_and_stores_the_run(folder) -> None:
    done = bench(folder)
    assert done.returncode == 0, done.stderr
    assert "bundle bundle: measuring 2 networks on local with onnxruntime, 1 thread, batch 1; expected:" in done.stderr
    assert re.search(r"^sparse .*\d× \[[\d.]+, [\d.]+\]", done.stdout, re.M)
    assert re.search(r"^(VALID|SUSPECT|INVALID): ", done.stdout, re.M)
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "Run stored" not in line)
    run = store.newest(folder / "runs")
    assert run.board == "local"
    assert run.record.states
    assert not run.record.simulated


def test_a_missing_sensor_is_an_error_only_where_energy_is_required(folder) -> None:
    done = bench(folder, "--require-energy", runs="without")
    assert done.returncode == 8
    assert "--require-energy, and dense has no energy (unavailable" in done.stderr
    assert "Traceback" not in done.stderr
    assert store.newest(folder / "without").record.networks[0].rounds


def test_a_doubtful_verdict_is_an_error_only_where_valid_is_required(folder) -> None:
    # Six rounds are fewer than a verdict calls for, whatever else goes on here.
    done = bench(folder, "--require-valid", runs="doubtful")
    assert done.returncode == 11
    assert re.search(r"Error: --require-valid accepts .*, and the verdict is (SUSPECT|INVALID) \(", done.stderr)
    assert "Traceback" not in done.stderr
    assert store.newest(folder / "doubtful").record.networks[0].rounds


def test_what_is_asked_for_reaches_the_job(folder) -> None:
    done = bench(folder, "--target-ci", "20%", "--cores", "0", "--threads", "1", "--seed", "7", runs="asked")
    assert done.returncode == 0, done.stderr
    job = store.newest(folder / "asked").record.job
    assert (job.target_ci, job.cores, job.threads, job.seed, job.reference) == (0.2, [0], 1, 7, "dense")


def test_cores_that_are_not_there_end_in_a_sentence(folder) -> None:
    done = bench(folder, "--cores", "4000")
    assert done.returncode == 8
    assert "4000" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--board", "nono-sim"], "known: "),
        (["--strict", "--quick"], "--strict and --quick exclude each other"),
        (["--target-ci", "much"], "such as 1% or 0.01"),
        (["--target-ci", "150%"], "such as 1% or 0.01"),
        (["--cores", "0,x"], "such as 0,1"),
        (["--networks", "dense,other"], "known: dense, sparse"),
        (["--networks", "sparse", "--target-ci", "1%"], "the dense network is not measured"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(folder, words, sentence) -> None:
    done = sis_edge_here("bench", "bundle", *words, cwd=folder)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())


def test_an_unknown_board_lists_those_that_there_are(folder) -> None:
    done = sis_edge_here("bench", "bundle", "--board", "x", cwd=folder)
    assert all(name in done.stderr for name in simulated.names())


def test_a_board_brings_its_profile(folder) -> None:
    done = sis_edge_here("bench", "bundle", "--board", "nano-sim", "--profile", "local", cwd=folder)
    assert done.returncode == 2
    assert "--board and --profile exclude each other" in done.stderr


def test_no_build_names_the_next_step(tmp_path) -> None:
    done = sis_edge_here("bench", cwd=tmp_path)
    assert done.returncode == 4
    assert "sis-edge build" in done.stderr


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("0.01", 0.01), (" 2.5 %", 0.025), ("50%", 0.5)])
def test_shares(text, value) -> None:
    assert share("--target-ci", text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "%", "0", "0%", "-1%", "1", "100%", "nan", "inf", "1%%"])
def test_no_shares(text) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{text}'")):
        share("--target-ci", text)


def test_core_numbers() -> None:
    assert whole_numbers("--cores", "0, 1,1", "core numbers", 10_000, "0,1") == (0, 1)
    for text in ("", "0,", "-1", "0-3", "²", "123456"):
        with pytest.raises(UsageError, match="core numbers"):
            whole_numbers("--cores", text, "core numbers", 10_000, "0,1")
