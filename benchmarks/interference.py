"""`sis-edge bench` beside a program that takes 2 ms of every 8.5 ms on the job's core: is the bent ratio called VALID?

    python benchmarks/interference.py [--core 1] [--work-ms 2] [--period-ms 8.5] [--bundle FOLDER] [--rounds-s 3]
        [--repeats 2]

Measures the bundle pinned to one core, in turn on the core alone and beside the program, and prints each speed-up, how
far it is off the true one (by the processor time of an inference, on the core alone), and the verdict. Without --bundle
it makes one: dense NiN and two smaller networks, hardly trained. Exits with 1 where a VALID run has the true speed-up
more than 3% outside its interval.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import sis_edge
from sis_edge.results import store
from sis_edge.results.interference import bends
from sis_edge.results.rules.interference import BEYOND_ALL
from sis_edge.text.tables import as_text

ALLOWED = 0.03
HEADINGS = ("core", "network", "speed-up", "off", "bound", "lost by dense", "lost", "repeated", "verdict")

# Computes for so long of its own time, then sleeps until the next period begins.
PROGRAM = """
import os, sys, time
core, work_s, period_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
os.sched_setaffinity(0, [core])
due_s = time.monotonic()
print("ready", flush=True)
while True:
    end_s = time.thread_time() + work_s
    while time.thread_time() < end_s:
        pass
    due_s = max(due_s + period_s, time.monotonic())
    time.sleep(max(due_s - time.monotonic(), 0.0))
"""


@contextmanager
def program(core: int, work_s: float, period_s: float) -> Iterator[None]:
    """The other program, on one core, for the length of the block."""
    words = [sys.executable, "-c", PROGRAM, str(core), str(work_s), str(period_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


def made_bundle(folder: Path) -> Path:
    """Dense NiN and two smaller networks, trained for a moment: only their time matters here."""
    graphs = {
        "nin": sis_edge.form("nin"),
        "half": sis_edge.form(t_c=0.5, t_p=0.5, conv="neuron"),
        "small": sis_edge.form(t_c=0.1, t_p=0.25, conv="neuron"),
    }
    networks = {name: sis_edge.train(graph, "digits", epochs=1, limit=64) for name, graph in graphs.items()}
    return sis_edge.bundle(networks, reference="nin", folder=folder, test_images=32).path


def bench(bundle: Path, folder: Path, core: int, time_s: float) -> sis_edge.Run:
    """A run of `sis-edge bench` on one core, about so many seconds for each network."""
    profile = folder / "pinned.toml"
    text = (Path(sis_edge.__file__).parents[1] / "profiles" / "local.toml").read_text(encoding="utf-8")
    short = f"[measuring]\nmin_time_s = {time_s}\nmin_inferences = 64\nmemory_repeats = 1\nsampler_pairs = 0\n"
    profile.write_text(text.replace("[measuring]\n", short).split("[power]")[0], encoding="utf-8")
    words = ["bench", str(bundle), "--profile", str(profile), "--cores", str(core), "--runs-dir", str(folder / "runs")]
    done = subprocess.run([sys.executable, "-m", "sis_edge", *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench failed:\n{done.stderr}")
    return sis_edge.Run(store.newest(folder / "runs"))


def truth(run: sis_edge.Run) -> dict[str, float]:
    """Speed-ups by the processor time of an inference, which waiting for the core is no part of."""
    record = run.stored.record
    cpu_s = {
        network.name: [turn.cpu_s / len(turn.latencies_s) for turn in network.rounds if turn.cpu_s]
        for network in record.networks
    }
    dense_s = median(cpu_s[record.job.reference or ""])
    return {name: dense_s / median(values) for name, values in cpu_s.items() if values}


def lines(title: str, run: sis_edge.Run, true: dict[str, float]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """A line for each network, and whether its number is right or at least not VALID."""
    record = run.stored.record
    bounds = {bend.network.name: bend for bend in bends(record.job, record.networks, record.job.reference)}
    again = sum(turn.preempted for network in record.networks for turn in network.rounds)
    for name, speed_up in run.speed_ups().items():
        off, bend = speed_up.estimate / true[name] - 1, bounds.get(name)
        shares = ("?", "?", "?")
        if bend is not None:
            bound = f"{bend.share:.1%}" if bend.share < BEYOND_ALL else "any"
            shares = (bound, f"{bend.reference_lost_share:.1%}", f"{bend.lost_share:.1%}")
        words = (title, name, str(speed_up), f"{off:+.1%}", *shares, str(again), run.verdict.level)
        low, high = speed_up.low or speed_up.estimate, speed_up.high or speed_up.estimate
        holds = low * (1 - ALLOWED) <= true[name] <= high * (1 + ALLOWED)
        yield words, holds or not run.verdict.level.startswith("VALID")


def main() -> int:
    """Alone, shared, alone, shared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--work-ms", type=float, default=2.0)
    parser.add_argument("--period-ms", type=float, default=8.5)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--rounds-s", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    rows, fine = [], True
    with tempfile.TemporaryDirectory(prefix="sis-edge-") as place:
        folder = Path(place)
        bundle = asked.bundle or made_bundle(folder / "bundle")
        true: dict[str, float] = {}
        for _ in range(asked.repeats):
            quiet = bench(bundle, folder, asked.core, asked.rounds_s)
            true = true or truth(quiet)
            with program(asked.core, asked.work_ms / 1e3, asked.period_ms / 1e3):
                disturbed = bench(bundle, folder, asked.core, asked.rounds_s)
            for title, run in (("alone", quiet), ("shared", disturbed)):
                for words, right in lines(title, run, true):
                    rows.append(words)
                    fine = fine and right
    print(as_text(HEADINGS, rows))
    print(f"\nno VALID run has the truth more than {ALLOWED:.0%} outside its interval: {'yes' if fine else 'NO'}")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
