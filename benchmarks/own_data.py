"""Memory of own images: peak RSS of decoding, statistics and a training's batches, by the number of images.

    python benchmarks/own_data.py                         folders of 1,000, 2,000 and 4,000 images of 224 x 224
    python benchmarks/own_data.py --counts 100000 --keep /data/own     the full size: 15 GB of cache
    python benchmarks/own_data.py --counts 100000 --distinct 2000      the same, with 50 names for each file

For each count a folder of JPEGs of two classes is written, each photograph of its own pixels, and measured in a process
of its own, for peak RSS is a process's. It is resident memory with the pages of mapped files, which the system would
give to others; anonymous memory is printed apart. The slope is bytes of peak RSS per image from the fewest to the most:
150,528 where all images were held.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLASSES = ("left", "right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1000,2000,4000", help="numbers of images, comma-separated")
    parser.add_argument("--side", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--distinct", type=int, help="so many different files; the others are hard links to them")
    parser.add_argument("--batches", type=int, default=16, help="batches of a training epoch that are read")
    parser.add_argument("--keep", type=Path, help="folder for images and cache, which are kept there")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.batches)))
        return
    counts = sorted(int(count) for count in options.counts.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        needed = sum(counts) * (3 * options.side**2 + 30_000) if options.keep else counts[-1] * 4 * options.side**2
        if shutil.disk_usage(work if work.exists() else work.parent).free < 2 * needed:
            parser.error(f"{work} has not {2 * needed / 1e9:.1f} GB free")
        rows = [row(work / str(count), count, options) for count in counts]
    rise = rows[-1]["peak_rss_bytes"] - rows[0]["peak_rss_bytes"]
    if len(rows) > 1:
        print(f"slope: {rise / (counts[-1] - counts[0]):,.0f} bytes of peak RSS per image")


def row(folder: Path, count: int, options: argparse.Namespace) -> dict[str, float]:
    """Write, measure twice (decoding, then from the cache), print and delete one folder."""
    write(folder / "images", count, options.side, options.distinct or count)
    found: dict[str, float] = {}
    for name in ("decoding", "from cache"):
        command = [sys.executable, __file__, "--measure", str(folder), "--batches", str(options.batches)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(
            f"{count:7,} images, {name:10}: peak RSS {found['peak_rss_bytes'] / 1e6:6,.0f} MB (before any image "
            f"{found['start_rss_bytes'] / 1e6:,.0f}; anonymous at the end {found['anonymous_bytes'] / 1e6:,.0f}), "
            f"load {found['load_s']:,.1f} s ({count / found['load_s']:,.0f} images/s), {found['batches']:.0f} "
            f"batches of {found['batch_size']:.0f} in {found['batches_s']:,.1f} s, "
            f"cache {found['cache_bytes'] / 1e6:,.0f} MB",
            flush=True,
        )
        if name == "decoding":
            decoding = found
    if options.keep is None:
        shutil.rmtree(folder)
    return decoding


def write(folder: Path, count: int, side: int, distinct: int) -> None:
    """`count` JPEGs: a smooth field of random colours and noise, brighter on the left or right."""
    import numpy as np
    from PIL import Image

    numbers = np.random.default_rng(count)
    for number in range(count):
        label = number % len(CLASSES)
        path = folder / CLASSES[label] / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number >= distinct:
            same = number % (distinct - distinct % len(CLASSES))
            path.hardlink_to(folder / CLASSES[label] / f"{same:06d}.jpg")
            continue
        coarse = Image.fromarray(numbers.integers(0, 200, (7, 7, 3), dtype=np.uint8)).resize((side, side))
        pixels = np.asarray(coarse) + numbers.integers(0, 20, (side, side, 3), dtype=np.uint8)
        pixels[:, label * side // 2 : (label + 1) * side // 2] += 30
        Image.fromarray(pixels).save(path, quality=85)


def measure(folder: Path, batches: int) -> dict[str, float]:
    """Load the folder and read some batches of an epoch in this process."""
    import torch

    from sis_edge.datasets.own import OwnData
    from sis_edge.training.batches import Batches
    from sis_edge.training.recipe import Recipe

    torch.set_num_threads(1)
    start_rss_bytes = peak_rss_bytes()
    begin_s = time.perf_counter()
    data = OwnData(folder / "images").load(cache_dir=folder / "cache", progress=False)
    load_s = time.perf_counter() - begin_s
    recipe = Recipe(epochs=1, batch_size=64, peak_lr=0.1)
    epoch = Batches(data, data.train, recipe, seed=0, epoch=0)
    begin_s, read = time.perf_counter(), 0
    for images, _ in epoch:
        read += 1
        assert images.shape[1:] == (3, *data.size)
        if read == batches:
            break
    cache_bytes = sum(path.stat().st_size for path in (folder / "cache").rglob("*.u8"))
    return {
        "start_rss_bytes": start_rss_bytes,
        "peak_rss_bytes": peak_rss_bytes(),
        "anonymous_bytes": anonymous_bytes(),
        "load_s": load_s,
        "batches_s": time.perf_counter() - begin_s,
        "batches": read,
        "batch_size": recipe.batch_size,
        "cache_bytes": cache_bytes,
    }


def peak_rss_bytes() -> int:
    """Peak resident memory of this process."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def anonymous_bytes() -> int:
    """Resident memory that no file stands behind; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


if __name__ == "__main__":
    main()
