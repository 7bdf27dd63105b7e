"""Is the truth inside the intervals of an external meter, and how long does an hour of one at 5 kHz take?

    python benchmarks/meter.py                     200 generated runs, then 18 million rows
    python benchmarks/meter.py --runs 50 --hours 0.1

Runs are generated as in `tests/results/meter_runs.py`: 3 to 6 networks of 2 to 10 W in random order, 10 Hz to 5 kHz,
with lag, drift and jitter of the meter's clock. The file is written to a temporary folder and deleted. Nothing is
asserted.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests"
RATE_HZ = 5000
ROWS_AT_ONCE = 500_000


def coverage(runs: int) -> None:
    """Print how many of the gross and net energies of generated runs lie within their intervals."""
    sys.path[:0] = [str(TESTS.parent), str(TESTS)]
    from sis_edge.errors import UsageError
    from sis_edge.results import energy, meter
    from tests.results.meter_runs import generated

    begin_s, inside, known, refused, halves = time.perf_counter(), 0, 0, 0, []
    for seed in range(runs):
        made = generated(seed)
        try:
            found = energy.per_inference(meter.attach(made.run, made.recording, "wall"))
        except UsageError as error:
            refused += 1
            print(f"run {seed}: {error}")
            continue
        for name, each in found.items():
            truths_j = (made.gross_j[name], made.net_j[name])
            bounds_j = ((each.gross_low, each.gross_high), (each.net_low, each.net_high))
            for truth_j, (low, high) in zip(truths_j, bounds_j, strict=True):
                known += 1
                if low is not None and high is not None:
                    inside += low <= truth_j <= high
                    halves.append((high - low) / 2 / truth_j)
    print(
        f"{runs} runs, {refused} refused; {inside} of {known} energies inside ({inside / max(known, 1):.1%}), "
        f"median half width {np.median(halves):.2%}, {time.perf_counter() - begin_s:.0f} s"
    )


def write(path: Path, hours: float) -> int:
    """A recording as Joulescope writes it; returns its rows."""
    rows, numbers = int(hours * 3600 * RATE_HZ), np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("#time,current,voltage,power\n")
        for first in range(0, rows, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, rows - first)
            times_s = (first + np.arange(count)) / RATE_HZ
            amperes = 1 + (times_s % 20 > 10) + numbers.normal(0, 0.1, count)
            columns = np.column_stack([times_s, amperes, np.full(count, 5.0), 5 * amperes])
            file.writelines(["{:.4f},{:.6f},{:.3f},{:.6f}\n".format(*row) for row in columns.tolist()])
    return rows


def read(path: Path) -> None:
    """Read the file in this process and print what that took."""
    from sis_edge.results import meter

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin_s = time.perf_counter()
    found = meter.read_csv(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{len(found.times_s):,} samples of 1 ms, mean {found.power_w.mean():.4f} W, in "
        f"{time.perf_counter() - begin_s:.1f} s; peak memory {peak / 1024:.0f} MiB ({(peak - before) / 1024:.0f} MiB "
        "above the start)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--read", type=Path, help="read this file and print what that took")
    arguments = parser.parse_args()
    if arguments.read is not None:
        read(arguments.read)
        return
    coverage(arguments.runs)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meter.csv"
        rows = write(path, arguments.hours)
        print(f"{rows:,} rows, {path.stat().st_size / 2**20:.0f} MiB")
        # In a process of its own, whose memory is that of reading.
        subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)


if __name__ == "__main__":
    main()
