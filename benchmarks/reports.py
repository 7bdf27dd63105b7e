"""`sis-edge report --all` over many runs of real size: seconds, peak memory, size of a stored run.

    python benchmarks/reports.py [--runs 1000] [--cold 20] [--folder FOLDER]

The runs are made of a recorded one (tests/recorded): as many rounds as 10 s of each network take in turns of 0.1 s,
latencies drawn from the recorded ones of the same turn, states over the whole time. 20 such runs differ in their
samples; the others are copies with an id and times of their own, and so with another hash. The first `--cold` of all
are reported with an empty cache. Then every run gets its summary, as the command that stores a run makes it, and
all are reported with that: once where the newest runs have no page yet, and once more where they have one.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "tests" / "recorded" / "run-4-x86-64.json.gz"
ROUNDS = 110
"""Networks of 0.5 ms to 17 ms reach 10 s and 1,000 inferences within so many rounds, give or take."""

DIFFERENT = 20
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

PROGRAM = "import sys; from sis_edge.cli import run; sys.exit(run(sys.argv[1:]))"


def real_run(recorded: dict[str, Any], seed: int) -> dict[str, Any]:
    """The recorded run with the rounds, samples and states of a job of usual length."""
    generator, run = random.Random(seed), json.loads(json.dumps(recorded))
    record = run["record"]
    before = len(record["networks"][0]["rounds"])
    for network in record["networks"]:
        turns = network["rounds"]
        span_s = max(turn["start_s"] for turn in turns) / before
        network["rounds"] = []
        for number in range(ROUNDS):
            turn = turns[number % before]
            drawn = [round(latency * generator.gauss(1, 0.01), 9) for latency in turn["latencies_s"]]
            start_s = turn["start_s"] + span_s * before * (number // before)
            network["rounds"].append(turn | {"round": number, "latencies_s": drawn, "start_s": start_s})
    last_s = record["states"][-1]["t_s"]
    times = ROUNDS // before + 1
    record["states"] = [
        state | {"t_s": state["t_s"] + last_s * again} for again in range(times) for state in record["states"]
    ]
    return run


def make(folder: Path, count: int) -> list[Path]:
    """Stored runs, each of another hash, run id and start."""
    from sis_edge.results.schema import STORE_VERSION, StoredRun

    recorded = json.loads(StoredRun.from_json(gzip.decompress(RECORDED.read_bytes()), str(RECORDED)).to_json())
    assert recorded["store_version"] == STORE_VERSION
    folder.mkdir(parents=True)
    paths, bodies = [], [real_run(recorded, seed) for seed in range(min(DIFFERENT, count))]
    tails = [_compressed_tail(body) for body in bodies]
    for number in range(count):
        at = BEGIN + timedelta(hours=number)
        head, tail = tails[number % len(tails)]
        own = (
            head.replace("STORED", at.isoformat())
            .replace("RUN", f"run-{number:05d}")
            .replace("STARTED", f"{at:%FT%TZ}")
        )
        paths.append(folder / f"{at:%Y%m%dT%H%M%S}.000000Z-run-{number:05d}.json.gz")
        paths[-1].write_bytes(gzip.compress(own.encode(), 6, mtime=0) + tail)  # gzip allows several parts in one file
    return paths


def _compressed_tail(run: dict[str, Any]) -> tuple[str, bytes]:
    """The text of a run up to its samples, with marks for what is its own; the rest, compressed."""
    record = {"run_id": "RUN", "started_at": "STARTED"} | {
        name: value for name, value in run["record"].items() if name not in ("run_id", "started_at")
    }
    whole = {"stored_at": "STORED"} | {
        name: value for name, value in run.items() if name not in ("stored_at", "record")
    }
    text = json.dumps(whole | {"record": record}, indent=1)
    cut = text.index('"STARTED"') + len('"STARTED"')
    return text[:cut], gzip.compress(text[cut:].encode(), 6, mtime=0)


def summarize_all(paths: list[Path]) -> None:
    """The summary of every run in the cache: of copies by their own names, without computing them again."""
    from sis_edge.files.atomic import write_bytes
    from sis_edge.report import summaries
    from sis_edge.report.summary import RunSummary
    from sis_edge.results import store

    made: list[str] = []
    for number, path in enumerate(paths):
        if number < DIFFERENT:
            made.append(summaries.of_file(path).model_dump_json())
            continue
        key, at = summaries.key_of(store.content(path)), BEGIN + timedelta(hours=number)
        name, other = f"run-{number:05d}", f"run-{number % DIFFERENT:05d}"
        found = json.loads(made[number % DIFFERENT].replace(other, name))
        found |= {"key": key, "stored_at": at.isoformat(), "started_at": f"{at:%FT%TZ}"}
        text = RunSummary.model_validate(found).model_dump_json()
        write_bytes(summaries.cached_at(key), gzip.compress(text.encode(), 1, mtime=0))


def measure(folder: Path, runs: Path, cache: Path) -> tuple[float, float, float]:
    """`report --all` in a process of its own: wall and processor seconds, peak resident bytes."""
    words = ["report", "--all", "--runs-dir", str(runs), "--reports-dir", str(folder), "--quiet"]
    begin_s = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        env=os.environ | {"SIS_EDGE_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - begin_s
    assert status == 0, status
    return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0


def say(what: str, count: int, found: tuple[float, float, float]) -> None:
    """One line."""
    wall_s, cpu_s, peak = found
    print(
        f"{what}: {count} runs, {wall_s:.1f} s ({cpu_s:.1f} s of processor time, "
        f"{1e3 * cpu_s / count:.1f} ms a run), {peak / 1e6:.0f} MB at most",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time report --all over many runs.")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--cold", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        place = Path(name)
        os.environ["SIS_EDGE_CACHE"] = str(place / "cache")
        cold = make(place / "few", asked.cold)
        say("nothing cached", len(cold), measure(place / "a", place / "few", place / "none"))
        say("  again", len(cold), measure(place / "a", place / "few", place / "none"))
        paths = make(place / "runs", asked.runs)
        sizes = [path.stat().st_size for path in paths]
        samples = len(gzip.decompress(paths[0].read_bytes()))
        print(f"a stored run: {max(sizes) / 1e3:.0f} kB at most, {samples / 1e3:.0f} kB as JSON", flush=True)
        summarize_all(paths)
        say("statistics cached", len(paths), measure(place / "b", place / "runs", place / "cache"))
        say("  again", len(paths), measure(place / "b", place / "runs", place / "cache"))
        cached = sum(path.stat().st_size for path in (place / "cache").rglob("*") if path.is_file())
        print(f"cache: {cached / len(paths) / 1e3:.1f} kB a run", flush=True)


if __name__ == "__main__":
    main()
