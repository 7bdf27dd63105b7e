"""A build that takes a moment: two epochs of a network with some thousand synapses."""

from dataclasses import replace
from pathlib import Path

import torch

from sis_edge.build.networks import plan_networks
from sis_edge.build.plan import BuildPlan
from sis_edge.formation import Formation, form
from sis_edge.profiles import load
from sis_edge.spec import nin

# Where cores are shared, the threads of a small network wait for each other longer than they work.
torch.set_num_threads(1)

SMALL = Formation(t_c=0.05, t_p=0.1, conv="neuron")


def plan_in(folder: Path, **changes: object) -> BuildPlan:
    """Two epochs of two batches of a network with some thousand synapses."""
    graph = folder.parent / "small.npz"
    if not graph.exists():
        form(nin(), SMALL).save(graph)
    profile = load("local")
    names = changes.pop("networks", (str(graph),))
    networks = plan_networks(names, profile.networks)  # type: ignore[arg-type]
    plan = BuildPlan(
        profile, "digits", networks, folder, "tiny", epochs=2, train_limit=64, test_images=40, precision="fp32"
    )
    return replace(plan, **changes)  # type: ignore[arg-type]
