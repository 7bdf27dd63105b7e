"""CPU time of a training step in two checkouts of this repository, or in two precisions, step by step in turn.

    python benchmarks/training_steps.py --before ../main --networks svhn-sis3,cifar10-sis1 --sides 24,32
    python benchmarks/training_steps.py --before . --precision-before fp32 --precision bf16

Each checkout trains the same networks on the same random images by the recipe of CIFAR-10, in a process of its own
that waits while the other one works: what else runs on the machine slows both alike. A step is forward, backward and
update; its time is CPU time, so that waiting does not count, but the caches that others fill do. Printed are medians
with the quartiles, the median of the ratios of neighbours, and an epoch of 50,000 images with the recipe's sides.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
SIDES = (24, 24, 32)  # of an epoch on average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="the other checkout")
    parser.add_argument("--networks", default="svhn-sis3,cifar10-sis3,cifar10-sis2,cifar10-sis1")
    parser.add_argument("--sides", default="24,32", help="sides of the images in pixels")
    parser.add_argument("--steps", type=int, default=21)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--precision-before", choices=("fp32", "bf16"), help="default: the same")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
    elif options.before is None:
        parser.error("--before is missing: the checkout to compare with")
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    print("| network | side | before, s | now, s | now / before |\n|---|---|---|---|---|")
    for name in options.networks.split(","):
        epochs = [0.0, 0.0]
        for side in map(int, options.sides.split(",")):
            workers = [started(folder) for folder in (options.before.resolve(), HERE)]
            job = {"network": name, "side": side, "batch": options.batch}
            precisions = (options.precision_before or options.precision, options.precision)
            jobs = [(worker, {**job, "precision": each}) for worker, each in zip(workers, precisions, strict=True)]
            times = [[asked(*each) for each in jobs] for _ in range(options.steps + 2)][2:]
            for worker in workers:
                worker.communicate("")
            before, now = zip(*times, strict=True)
            ratios = [new / old for old, new in times]
            print(f"| {name} | {side} | {shown(before)} | {shown(now)} | {shown(ratios)} |", flush=True)
            for at, values in enumerate((before, now)):
                epochs[at] += 50_000 / options.batch * SIDES.count(side) / len(SIDES) * statistics.median(values)
        if set(SIDES) <= set(map(int, options.sides.split(","))):
            print(f"| {name} | epoch | {epochs[0]:.0f} | {epochs[1]:.0f} | {epochs[1] / epochs[0]:.2f} |", flush=True)


def started(folder: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'agent'}",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    command = [sys.executable, __file__, "--work"]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def asked(worker: subprocess.Popen[str], job: dict[str, object]) -> float:
    """The CPU time of a worker's next step, in seconds."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(job) + "\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def work() -> None:
    """A step for each line of the standard input."""
    import torch
    import torch.nn.functional as F

    from sis_edge.formation import form, preset
    from sis_edge.formation.compaction import compact
    from sis_edge.models import SisNet, kernels
    from sis_edge.spec import nin
    from sis_edge.training.memory import keep_freed_memory
    from sis_edge.training.recipe import default_recipe
    from sis_edge.training.train import _optimizer

    torch.set_num_threads(1)
    torch.manual_seed(0)
    keep_freed_memory()
    job = json.loads(sys.stdin.readline())
    recipe = default_recipe("cifar10", flip=True, precision=job["precision"])
    network = SisNet(compact(form(nin(), preset(job["network"]).formation()))).train()
    optimizer = _optimizer(network, recipe)
    images = torch.randn(job["batch"], 3, job["side"], job["side"]).to(memory_format=torch.channels_last)
    images = images.bfloat16() if recipe.precision == "bf16" else images
    labels = torch.randint(0, 10, (job["batch"],))
    with kernels.used(1):
        while job:
            start = time.process_time()
            optimizer.zero_grad()
            F.cross_entropy(network(images).float(), labels, label_smoothing=recipe.label_smoothing).backward()
            optimizer.step()
            print(time.process_time() - start, flush=True)
            job = sys.stdin.readline()


def shown(values: list[float] | tuple[float, ...]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
