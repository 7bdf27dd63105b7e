"""The board's facts together with what it can run and which power sensors it has."""

from typing import Optional

from sis_agent import power, runners
from sis_agent.board import facts, state
from sis_agent.commands import Commands
from sis_agent.runners import trtexec
from sis_agent.schema import Facts
from sis_agent.tree import Tree


def read(root: str = "/", disk: str = "/", logs: Optional[str] = None) -> Facts:
    """The facts of the tree at `root`, as `board.facts.read` has them, with runtimes and power sensors.

    `logs` is the agent's root where runtimes are to be imported, each in a child process; None: they are looked for.
    """
    tree = Tree(root)
    board = facts.read(root, disk)
    packages = dict(board.packages)
    # A board may have TensorRT's tool alone, without its Python module.
    if packages.get("tensorrt") is None and ("tensorrt" in packages or trtexec.find() is not None):
        packages["tensorrt"] = facts.debian_version(tree, "libnvinfer-bin") or facts.debian_version(
            tree, r"libnvinfer\d+"
        )
    gpu = state.gpu(tree)
    return board._replace(
        packages=packages,
        runners=runners.availability(logs),
        power_sources=power.find(tree, Commands(root)),
        gpu_max_frequency_hz=tree.number(gpu + "/max_freq") if gpu else None,
    )
