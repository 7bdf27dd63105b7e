"""Training speed: images per second for each network, and minutes to the paper's accuracy.

    python benchmarks/training.py                                   images/s of every preset, ours against plain torch
    python benchmarks/training.py --train cifar10-sis3 --epochs 9   one training on real data: minutes and accuracy

A training holds out the last 5,000 training images and reports accuracy on those: a recipe is chosen by what is seen
here, so test images are never looked at. Each trial is appended to benchmarks/trials.jsonl with its whole recipe.

Ours and plain torch alternate, in processes of their own, since allocator settings last as long as their process. A
step is forward, backward and update of one batch of random images in float32; printed is the median over rounds with
the least and the most. "Ours" keeps freed memory, lets waiting threads sleep, and uses the C kernels of
sis_edge/models/c. Run it on an idle machine.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VARIANTS = ("plain", "ours")
HELD_OUT = 5000
TRIALS = Path(__file__).with_name("trials.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="nin,cifar10-sis1,cifar10-sis2,cifar10-sis3,svhn-sis3")
    parser.add_argument("--sides", default="16,24,32", help="sides of the images in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="steps per network, side and round")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--train", metavar="NETWORK", help="train this one on CIFAR-10 instead")
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(seconds_per_step(options)))
    elif options.train:
        train(options)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    rates: dict[str, dict[str, list[float]]] = {variant: {} for variant in VARIANTS}
    for number in range(options.rounds):
        for variant in VARIANTS if number % 2 else reversed(VARIANTS):
            for name, seconds in in_own_process(variant, options).items():
                rates[variant].setdefault(name, []).append(options.batch / seconds)
    print(
        f"images/s, batch {options.batch}, {options.threads} threads, median [least, most] of {options.rounds} rounds"
    )
    print("| network | side | plain torch | ours | ratio |")
    print("|---|---|---|---|---|")
    for name, plain in rates["plain"].items():
        ours = rates["ours"][name]
        ratio = statistics.median(b / a for a, b in zip(plain, ours, strict=True))
        network, side = name.split()
        print(f"| {network} | {side} | {shown(plain)} | {shown(ours)} | {ratio:.2f} |")


def in_own_process(variant: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", variant, "--networks", options.networks, "--sides", options.sides]
    command += ["--steps", str(options.steps), "--batch", str(options.batch), "--threads", str(options.threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def seconds_per_step(options: argparse.Namespace) -> dict[str, float]:
    if options.one == "ours":
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
    import torch

    from sis_edge.models import kernels
    from sis_edge.training.memory import keep_freed_memory

    torch.set_num_threads(options.threads)
    with contextlib.ExitStack() as stack:
        if options.one == "ours":
            keep_freed_memory()
            if not stack.enter_context(kernels.used(options.threads)):
                print("no C compiler: torch's own operators on both sides", file=sys.stderr)
        return {label: seconds for name in options.networks.split(",") for label, seconds in steps_of(name, options)}


def steps_of(name: str, options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """For each side of the images: network and side, and the median of its steps in seconds."""
    import torch
    import torch.nn.functional as F

    from sis_edge.formation import form, preset
    from sis_edge.formation.compaction import compact
    from sis_edge.models import SisNet
    from sis_edge.spec import nin

    network = SisNet(compact(form(nin(), preset(name).formation()))).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    for side in map(int, options.sides.split(",")):
        images = torch.randn(options.batch, 3, side, side).to(memory_format=torch.channels_last)
        labels = torch.randint(0, 10, (options.batch,))
        seconds = []
        for _ in range(2 + options.steps):
            start = time.perf_counter()
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()
            seconds.append(time.perf_counter() - start)
        yield f"{name} {side}", statistics.median(seconds[2:])


def train(options: argparse.Namespace) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from sis_edge import datasets
    from sis_edge.datasets import ImageSet
    from sis_edge.formation import form, preset
    from sis_edge.formation.compaction import compact
    from sis_edge.models import SisNet
    from sis_edge.spec import nin
    from sis_edge.training import default_recipe
    from sis_edge.training.evaluate import accuracy
    from sis_edge.training.precision import fastest_precision
    from sis_edge.training.train import train

    torch.set_num_threads(options.threads)
    row = preset(options.train)
    data = datasets.load("cifar10")
    kept = len(data.train) - HELD_OUT
    seen, held_out = data.train.first(kept), ImageSet(data.train.images[kept:], data.train.labels[kept:])
    recipe = default_recipe("cifar10", flip=data.flip, precision=fastest_precision(), epochs=options.epochs)
    network = SisNet(compact(form(nin(), row.formation())), options.seed)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        train(network, data, seen, recipe, seed=options.seed, folder=Path(folder))
        minutes = (time.perf_counter() - start) / 60
    reached = accuracy(network, data, held_out)
    record_trial(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "network": options.train,
            "dataset_sha256": data.sha256,
            "recipe": recipe.as_dict(),
            "seed": options.seed,
            "train_images": len(seen),
            "held_out_images": len(held_out),
            "held_out_accuracy": reached,
            "minutes": round(minutes, 2),
            "threads": options.threads,
        }
    )
    print(
        f"{options.train}: {reached:.4f} on {len(held_out):,} held-out training images after {minutes:.1f} minutes "
        f"({recipe.epochs} epochs, {recipe.precision}, {options.threads} threads, seed {options.seed})"
    )


def record_trial(trial: dict[str, Any]) -> None:
    """Append a trial: what was tried belongs to what is reported of the recipe that was taken."""
    with TRIALS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(trial) + "\n")


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} [{min(values):.0f}, {max(values):.0f}]"


if __name__ == "__main__":
    main()
