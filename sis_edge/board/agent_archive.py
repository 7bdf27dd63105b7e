"""The agent as one file: a zip archive that a board's Python runs as it is.

The archive depends on the agent's source and its plugins' alone: names in their order, one fixed date and mode. So the
same source gives the same name on every machine, and the same bytes with the same zlib, and a board needs each agent
once.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sis_agent.protocol import BUILD_ID_MEMBER
from sis_edge.board import agent_plugins
from sis_edge.board.agent_source import without_docstrings
from sis_edge.errors import DiskError
from sis_edge.files.disk import ADVICE

SHEBANG = b"#!/usr/bin/env python3\n"
PACKAGE = "sis_agent"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive can hold
_FILE_MODE = 0o100644 << 16
_UNIX = 3

# What the archive's own entry does; it parses under Python 2.7, like the module that it calls.
_ENTRY = b"import sys\n\nfrom sis_agent.__main__ import main\n\nsys.exit(main())\n"


@dataclass(frozen=True)
class AgentArchive:
    """The agent's file, and the first twelve hex digits of the hash over its members."""

    path: Path
    hash12: str


def build(target_folder: Path) -> AgentArchive:
    """Write `sis_agent-<hash12>.pyz` from the installed agent, unless it is there already.

    Raises DiskError when the folder cannot be written, UsageError for a plugin that cannot work on a board.
    """
    members = _members()
    hash12 = _hash12(members)
    members[f"{PACKAGE}/{BUILD_ID_MEMBER}"] = hash12.encode("ascii") + b"\n"
    path = target_folder / f"{PACKAGE}-{hash12}.pyz"
    content = SHEBANG + _zip(tuple(sorted(members.items())))
    try:
        if not (path.is_file() and path.read_bytes() == content):
            target_folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(content)
            part.chmod(0o755)
            part.replace(path)
    except OSError as error:
        raise DiskError(f"cannot write the agent to {path} ({error.strerror}): {ADVICE}") from None
    return AgentArchive(path, hash12)


def _members() -> dict[str, bytes]:
    """Path in the archive -> content: the entry, the package's Python files without docstrings, what plugins add."""
    found = {"__main__.py": _ENTRY}

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                collect(entry, f"{prefix}/{entry.name}")
            elif entry.name.endswith(".py"):
                found[f"{prefix}/{entry.name}"] = without_docstrings(entry.read_bytes())

    collect(files(PACKAGE), PACKAGE)
    return found | agent_plugins.members()


def _hash12(members: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(members):
        # Lengths in front, so that no two different sets of members run together into the same bytes.
        digest.update(f"{len(name)} {name} {len(members[name])} ".encode())
        digest.update(members[name])
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def _zip(members: tuple[tuple[str, bytes], ...]) -> bytes:
    """The archive's bytes; kept, for a fleet's boards all ask for the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = _FILE_MODE
            info.create_system = _UNIX
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()
