"""Environment variables: those that the source reads, each with what it does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import sis_agent
import sis_edge
from generated.text import table

MEANINGS = {
    "SIS_EDGE_CACHE": "Folder of the cache: data sets, compiled libraries, calibrations, wheels, statistics of runs. "
    "Default: the platform's own cache folder.",
    "SIS_EDGE_CONFIG": "A project's file of defaults, instead of the nearest `sis-edge.toml`, as `--config FILE`.",
    "SIS_EDGE_BOARD": "On a board: take its jobs for those of a board of its own, named so. Other jobs are then not "
    "excluded, and the run says so. Tests use it.",
    "NO_COLOR": "Any value: no colours.",
    "FORCE_COLOR": "Any value: colours, also where GITHUB_ACTIONS is set.",
    "GITHUB_ACTIONS": "Set in GitHub's workflows: no colours, unless FORCE_COLOR is set.",
    "OMP_WAIT_POLICY": "Set to PASSIVE where it is not set: threads that spin take the cores of other programs.",
    "ORT_DISABLE_TELEMETRY": "Set to 1 where it is not set: ONNX Runtime keeps no identifier of this machine.",
    "PATH": "Where programs are looked for, as ever.",
    "SHELL": "The shell of `Match exec` in the SSH configuration.",
    "SSH_AUTH_SOCK": "Socket of ssh-agent.",
    "ZIG_GLOBAL_CACHE_DIR": "Cache folder of the cross compiler (extra `native`). Default: `zig` in the cache.",
    "KUBERNETES_SERVICE_HOST": "On a board: a sign that it is a container.",
    "SIS_AGENT_CUDA_BACKEND": "Between processes of the agent: which way to CUDA to try. The agent sets it.",
    "SIS_AGENT_ENGINES": "Between processes of the agent: the folder of TensorRT's engines. The agent sets it.",
    "SIS_AGENT_POWER_MODE": "Between processes of the agent: an engine's power mode. The agent sets it.",
    "PYTHONPATH": "On a board: the wheels that sis-edge brought come before it.",
}
"""A variable's name -> what it does."""


def table_of_variables() -> str:
    """Every variable that the source reads."""
    names = sorted(read(), key=lambda name: (not name.startswith("SIS_EDGE_"), name))
    rows = ((f"`{name}`", MEANINGS[name]) for name in names)
    return table(("variable", "what it does"), rows)


def read() -> set[str]:
    """The names of variables that the source of host and agent reads or sets by name."""
    found: set[str] = set()
    for package in (sis_edge, sis_agent):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "environ" in text:
                found.update(_names(ast.parse(text)))
    return found


def _names(tree: ast.Module) -> Iterator[str]:
    """Names in `os.environ[NAME]`, `os.environ.get(NAME)`, `{NAME: ..., **os.environ}` and the like.

    NAME may be a constant of the module.
    """
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        named: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_environment(node.value):
            named = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_environment(node.func.value):
            named = node.args[0] if node.args else None
        elif isinstance(node, ast.Dict) and len(node.values) > 1 and _is_environment(node.values[1]):
            named = node.keys[0]  # a default, which the environment overrides
        name = constants.get(named.id) if isinstance(named, ast.Name) else getattr(named, "value", None)
        if isinstance(name, str):
            yield name


def _is_environment(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("environ", "environment")
