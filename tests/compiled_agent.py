"""The agent with its modules compiled for this Python too, so that a board's processes do not compile them again.

A board runs the agent from an archive, and Python keeps nothing that it has compiled of one: that was almost half of
what a deployment costs in these tests. The source is in the archive as ever, and another Python takes it. The tests of
the archive itself, and commands that run as processes of their own, have the agent as users have it.
"""

import importlib.util
import marshal
from functools import cache

from sis_edge.board import agent_archive

members = agent_archive._members
"""What the agent's archive holds for users."""

UNCHECKED = (1).to_bytes(4, "little")
"""Compiled code is named by its source's hash, and used without comparing it (PEP 552)."""


def members_and_compiled() -> dict[str, bytes]:
    """Path in the archive -> content, with each module's compiled form beside it."""
    found = members()
    return found | {f"{name}c": _compiled(name, source) for name, source in found.items() if name.endswith(".py")}


@cache
def _compiled(name: str, source: bytes) -> bytes:
    code = compile(source, f"{agent_archive.PACKAGE}.pyz/{name}", "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)
