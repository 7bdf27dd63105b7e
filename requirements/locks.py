"""Reading the locks beside this file: what sis-edge installs, by exact version."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
INSTALLED = ("base", "all")
"""The locks of what a user installs with every extra but `rtx`; the others are for developing."""

ENTRY = re.compile(
    r"^(?P<pin>[a-z0-9.-]+==[^ \\\n]+)(?P<marker> ; [^\\\n]+?)?(?P<hashes>(?: \\\n    --hash=\S+)+)$", re.M
)


def entries(*names: str) -> list[str]:
    """Each package of these locks as it stands there, with its hashes, once; and torch, by version only."""
    found = {match[0] for name in names for match in ENTRY.finditer((HERE / f"{name}.txt").read_text())}
    return [*sorted(found), torch()]


def pins(*names: str) -> list[str]:
    """The same without hashes: `name==version`, with its marker where it has one."""
    return [entry.partition(" \\\n")[0] for entry in entries(*names)]


def torch() -> str:
    """torch's version, which constraints.txt pins: requirements/lock.py says why no lock has it."""
    (line,) = re.findall(r"^torch==\S+$", (ROOT / "constraints.txt").read_text(), re.M)
    return line
