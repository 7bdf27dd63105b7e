"""Measure how fast a bundle is pushed to a board, beside the `sftp` program, over a real SSH server on loopback.

    python benchmarks/push.py                   50 MB, 15 rounds
    python benchmarks/push.py --mb 200 --rounds 5

In each round, in random order: a bundle of random bytes is pushed to a board without bundles, and pushed again, when
nothing is sent; `sftp` puts the bundle's large file; `sftp` puts a file of a byte, which is its start and login. Both
sides connect anew each time, with their own default algorithms. "push" is the step of `deploy`, "all" is from the start
of the connection to its end. Medians, and the median over the rounds of each ratio. Weights in float32 show what
compression is worth: their size by zlib, and its speed. Nothing is asserted.
"""

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sis_agent.schema import Facts
from sis_edge.board.packing import LEVEL
from sis_edge.board.patience import Patience
from sis_edge.board.session import BoardSession
from sis_edge.bundles.verify import Bundle

TESTS = Path(__file__).parents[1] / "tests"
if TYPE_CHECKING:
    from sshd import Server


def push(server: "Server", bundle: Bundle) -> tuple[float, float]:
    """Seconds of the step alone, and with the connection and the agent."""
    from tiny_bundle import tiny_profile

    begin_s = time.perf_counter()
    transport = server.transport()
    session = BoardSession(transport, tiny_profile(), lambda event: None, Patience())
    session.agent.install()
    connected_s = time.perf_counter()
    session.push(bundle, Facts())
    end_s = time.perf_counter()
    transport.close()
    return end_s - connected_s, end_s - begin_s


def sftp(server: "Server", path: Path) -> float:
    """Seconds of the program from its start to its end."""
    words = ["sftp", "-q", "-F", "none", "-P", str(server.port), "-i", str(server.identity), "-b", "-"]
    words += ["-o", f'UserKnownHostsFile="{server.known_hosts}"', "127.0.0.1"]
    begin_s = time.perf_counter()
    subprocess.run(words, input=f'put "{path}" there\n', text=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin_s


def measure(folder: Path, size_mb: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way in each round."""
    sys.path[:0] = [str(TESTS)]
    from sshd import serve
    from tiny_bundle import tiny_bundle

    numbers, found = random.Random(0), dict[str, list[float]]()
    bundle = tiny_bundle(folder / "bundle", padding_bytes=size_mb * 1_000_000)
    (folder / "byte").write_bytes(b"x")
    with serve(folder / "sshd") as server:
        board = server.home / ".sis-edge/bundles"

        def pushed() -> dict[str, float]:
            shutil.rmtree(board, ignore_errors=True)
            step_s, all_s = push(server, bundle)
            again_s, _ = push(server, bundle)
            return {"push": step_s, "push, all": all_s, "push again": again_s}

        steps: list[Callable[[], dict[str, float]]] = [
            pushed,
            lambda: {"sftp, all": sftp(server, bundle.path / "data/padding.bin")},
            lambda: {"sftp of a byte": sftp(server, folder / "byte")},
        ]
        push(server, bundle)  # the agent stays, as it does on a board
        for _ in range(rounds):
            numbers.shuffle(steps)
            for step in steps:
                for name, seconds in step().items():
                    found.setdefault(name, []).append(seconds)
    found["sftp"] = [whole - start for whole, start in zip(found["sftp, all"], found["sftp of a byte"], strict=True)]
    return found


def compression() -> None:
    """Print what zlib makes of weights in float32: dense ones, and a quarter of them with zeros between."""
    weights = np.random.default_rng(0).standard_normal(4_000_000).astype(np.float32)
    sparse = weights * (np.arange(len(weights)) // 9 % 4 == 0)  # kernels of 3 x 3
    for name, array in (("dense", weights), ("a quarter of the kernels", sparse)):
        data = array.tobytes()
        begin_s = time.perf_counter()
        packed = zlib.compress(data, LEVEL)
        took_s = time.perf_counter() - begin_s
        print(f"float32, {name}: {len(packed) / len(data):.1%} of its size, {len(data) / took_s / 1e6:.0f} MB/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.mb, arguments.rounds)
    for name, seconds in found.items():
        low, middle, high = (float(np.quantile(seconds, share)) for share in (0.25, 0.5, 0.75))
        print(f"{name:15} {middle:.3f} s (quartiles {low:.3f} to {high:.3f}), {arguments.mb / middle:.0f} MB/s")
    for ours, theirs in (("push", "sftp"), ("push, all", "sftp, all")):
        ratios = [theirs_s / ours_s for ours_s, theirs_s in zip(found[ours], found[theirs], strict=True)]
        print(f"throughput of {ours} over {theirs}: {statistics.median(ratios):.2f}")
    compression()


if __name__ == "__main__":
    main()
