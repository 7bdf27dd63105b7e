"""A stored run with the bundle that it measured: every file is there and has the hash that the manifest says."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from results.factory import network_entry, stored_run

from sis_edge.bundles.verify import Bundle, file_entries, write_manifest
from sis_edge.formation import Formation, form
from sis_edge.results import store
from sis_edge.results.schema import StoredRun
from sis_edge.spec import nin

NAMES = ("nin", "cifar10-sis3")


@dataclass(frozen=True)
class Measured:
    """The folder has `runs/` and `build/NAME/`."""

    place: Path
    path: Path
    run: StoredRun
    bundle: Bundle


def measured(place: Path) -> Measured:
    """Write both into a folder."""
    run = stored_run(names=NAMES, rounds=2, per_round=3)
    folder = place / "build" / run.manifest.name
    graph = form(nin(10), Formation(t_c=0.05, t_p=0.1, seed=1))
    for entry in run.manifest.files:
        path = folder / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            np.save(path, np.arange(6))
        elif path.suffix == ".npz":
            graph.save(path)
        else:
            path.write_bytes(b"weights of " + entry.path.encode())
    entries = tuple(network_entry(name, graph_sha256=graph.digest()) for name in NAMES)
    manifest = run.manifest.model_copy(update={"networks": entries, "files": file_entries(folder)})
    bundle = write_manifest(folder, manifest)
    record = run.record._replace(job=run.record.job._replace(bundle_id=bundle.id))
    run = run.model_copy(update={"bundle_id": bundle.id, "manifest": manifest, "record": record})
    return Measured(place, store.save(run, place / "runs"), run, bundle)


def moved(found: Measured, place: Path) -> Measured:
    """The same in a copy of its folder, which may be changed."""
    import shutil

    shutil.copytree(found.place, place, dirs_exist_ok=True)
    folder = place / found.bundle.path.relative_to(found.place)
    return replace(
        found, place=place, path=place / found.path.relative_to(found.place), bundle=replace(found.bundle, path=folder)
    )


def flip(path: Path, at: int) -> None:
    """Change the lowest bit of one byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
