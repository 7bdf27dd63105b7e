"""Our kernels beside the runtimes that users would pick instead: one table, one command.

    python benchmarks/peers.py                              one core, batch 1, 60 rounds; tables as Markdown
    python benchmarks/peers.py --threads 1,2 --batches 1,8 --output peers.json
    python benchmarks/peers.py --threads 2 --sustain 600    ten minutes: inferences per second and speed-up by minute

Networks are the zoo's, with their own weights: dense in ONNX Runtime (fp32 and INT8), OpenVINO, DeepSparse and MNN,
each from PyPI in an environment of its own (made in --environments with this Python, or an older one where a runtime
needs it; some 1.5 GB in all), and every form with our kernels that a bundle has. In each round every one runs once, in
random order, in the process of its runtime on the cores of --cores; its latency in a round is the median. A speed-up is
the median of the rounds' ratios over dense NiN fp32 in ONNX Runtime, with a 95% interval by bootstrap over rounds.
Outputs on test images are compared with ONNX Runtime's in fp32: what differs too much is struck through and is not
the best. A runtime that cannot be installed, loaded or run is named with the reason.

On a busy machine nothing is measured, for wall time would mostly be others'; with --busy it is, by the CPU time of the
process where there is one thread, and the tables say how busy. Nothing is asserted.
"""

import argparse
import json
import logging
import os
import platform
import sys
from pathlib import Path

from peer_comparison import files, load, tables
from peer_comparison.environments import RUNTIMES, NotInstalledError, python_of
from peer_comparison.rounds import Measured, Plan, measure

from sis_edge.files.cache import cache_root

NETWORKS = "nin,cifar10-sis1,cifar10-sis2,cifar10-sis3,svhn-sis3"


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"\r{text:60}", end="", file=sys.stderr, flush=True)


def environments(folder: Path, wanted: list[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """The Python of each runtime, and the reasons why there is none."""
    pythons: dict[str, Path] = {}
    absent: dict[str, str] = {}
    for runtime in RUNTIMES:
        if runtime.name not in wanted:
            absent[runtime.name] = "left out with --runtimes"
            continue
        say(f"environment for {runtime.title}")
        try:
            pythons[runtime.name] = python_of(runtime, folder)
        except NotInstalledError as error:
            absent[runtime.name] = f"not installed: {error}"
    return pythons, absent


def printed(measured: Measured, clock: str, ceilings: dict[str, float]) -> str:
    """All tables of one run."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(measured.versions.items()))
    parts = [f"## {tables.condition(measured, clock)}", f"Python {platform.python_version()}, {versions}"]
    parts += [tables.speeds(measured, clock), tables.best(measured, clock, ceilings)]
    if measured.plan.sustain_s:
        parts.append(tables.sustained(measured, clock))
    return "\n\n".join([*parts, tables.outputs(measured, clock)]) + "\n"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [runtime.name for runtime in RUNTIMES]
    result.add_argument("--networks", default=NETWORKS, help="names of the zoo, comma-separated; nin is the reference")
    result.add_argument("--runtimes", default=",".join(names), help="[default: %(default)s]")
    result.add_argument("--threads", default="1", help="numbers of threads, comma-separated [default: 1]")
    result.add_argument("--batches", default="1", help="batch sizes, comma-separated [default: 1]")
    result.add_argument("--images", type=int, default=500, help="test images for outputs and accuracy [default: 500]")
    result.add_argument("--rounds", type=int, default=60)
    result.add_argument("--processes", type=int, default=3, help="generations of processes [default: 3]")
    result.add_argument("--sustain", type=float, default=0.0, metavar="S", help="rounds for so many seconds instead")
    result.add_argument("--cores", help="cores to run on, comma-separated [default: the last ones, one per thread]")
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--busy", action="store_true", help="measure although other programs run")
    result.add_argument("--environments", type=Path, help="folder for environments [default: in the cache]")
    result.add_argument("--output", type=Path, help="write all figures, raw samples too, to this JSON file")
    return result


def main() -> int:
    """Prepare, measure each combination, print."""
    arguments = parser().parse_args()
    busy = load.now()
    if busy > load.MOST_BUSY and not arguments.busy:
        print(
            f"Error: other programs keep {busy:.2f} cores busy (limit {load.MOST_BUSY}); end them, or measure all the "
            "same with --busy",
            file=sys.stderr,
        )
        return 2
    place = cache_root() / "peers"
    pythons, absent = environments(arguments.environments or place, arguments.runtimes.split(","))
    logging.disable(logging.WARNING)  # the quantiser repeats its advice for every network
    material = files.material(arguments.networks.split(","), place / "networks", arguments.images, say)
    available = sorted(os.sched_getaffinity(0))
    runs = []
    for threads in map(int, arguments.threads.split(",")):
        cores = [int(part) for part in arguments.cores.split(",")] if arguments.cores else available[-threads:]
        for batch in map(int, arguments.batches.split(",")):
            plan = Plan(
                cores=tuple(cores),
                threads=threads,
                batch=batch,
                rounds=arguments.rounds,
                processes=arguments.processes,
                sustain_s=arguments.sustain,
                seed=arguments.seed,
            )
            measured = measure(material.contenders, absent, pythons, material.inputs, plan, say)
            clock = "cpu" if arguments.busy and threads == 1 else "wall"
            say("")
            print(printed(measured, clock, material.ceilings), flush=True)
            runs.append(tables.document(measured, clock))
    if arguments.output:
        arguments.output.write_text(json.dumps({"version": 1, "machine": platform.platform(), "runs": runs}, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
