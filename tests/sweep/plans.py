"""A sweep that takes a moment: networks of some thousand synapses on a few scans."""

from dataclasses import replace
from pathlib import Path

import torch

from sis_edge.sweep.plan import SweepPlan, budgets

# Where cores are shared, the threads of a small network wait for each other longer than they work.
torch.set_num_threads(1)


def plan_in(folder: Path, **changes: object) -> SweepPlan:
    """Two structures with two seeds each: four trials of two epochs of two batches."""
    plan = SweepPlan(
        dataset="digits",
        budgets=budgets((), (0.05,), (0.1,)),
        granularities=("neuron", "kernel"),
        distributions=("uniform",),
        seeds=(0, 1),
        folder=folder,
        epochs=2,
        precision="fp32",
        train_limit=64,
        held_out=100,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]
