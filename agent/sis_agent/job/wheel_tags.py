"""Whether wheels can run on this board at all, and whether one of them fits: by its name's tags (PEP 425, PEP 600)."""

import os
import re
import sys
from typing import Optional, Tuple

from sis_agent.board import facts
from sis_agent.protocol import ProblemError
from sis_agent.runners.importing import is_32_bit

# The older names of manylinux tags, and the glibc that each needs.
LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


def obstacle(root: str) -> Optional[str]:
    """Why no wheel with native code can run here, whichever it is; None where nothing stands against it."""
    if is_32_bit():
        return (
            "{} is a 32-bit program (the kernel is {}), and there are no wheels of ONNX Runtime for it; install a "
            "64-bit system (`dpkg --print-architecture` must say arm64 or amd64)".format(
                sys.executable, os.uname().machine
            )
        )
    if facts.glibc_version() is None:
        return (
            "this system has no glibc (it may use musl, as Alpine does), and there are no wheels of ONNX Runtime for "
            "it; use a system with glibc, such as Debian or Ubuntu"
        )
    if facts.is_noexec(root):
        return (
            "{} is on a file system that is mounted noexec, so that no library in it can be loaded; name a folder on "
            "another one as `root` in the profile's [agent]".format(root)
        )
    return None


def check(name: str) -> None:
    """Raise the problem `bad-wheel` for a wheel that this interpreter, processor or system cannot use."""
    pythons, abis, platforms = name[: -len(".whl")].split("-")[-3:] if name.count("-") >= 4 else ("", "", "")
    major, minor = sys.version_info[:2]
    own = {"py{}".format(major), "py{}{}".format(major, minor), "cp{}{}".format(major, minor)}
    stable = {"cp{}{}".format(major, older) for older in range(2, minor + 1)} if "abi3" in abis.split(".") else set()
    machine = os.uname().machine
    fits = [tag for tag in platforms.split(".") if tag == "any" or tag.endswith("_" + machine)]
    if not (own | stable) & set(pythons.split(".")) or not fits:
        raise ProblemError(
            "bad-wheel",
            "the wheel {} is not for this board's Python {}.{} on {}; name the board's own profile".format(
                name, major, minor, machine
            ),
        )
    if "any" in fits:
        return
    if is_32_bit():
        text = "{} is a 32-bit program, and there are no wheels for it; use a 64-bit system"
        raise ProblemError("bad-wheel", text.format(sys.executable))
    glibc = facts.glibc_version()
    if not any(_runs(tag, glibc) for tag in fits):
        text = "the wheel {} is for another system than this board's, which has {}; pin an older version"
        raise ProblemError("bad-wheel", text.format(name, "glibc " + glibc if glibc else "no glibc"))


def _runs(tag: str, glibc: Optional[str]) -> bool:
    """Whether a system with this glibc (None: another C library) can load what has this platform tag."""
    if tag.startswith("linux_"):
        return True
    needed = LEGACY.get(tag.partition("_")[0])
    match = re.match(r"manylinux_(\d+)_(\d+)_", tag)
    if match:
        needed = (int(match.group(1)), int(match.group(2)))
    return needed is not None and glibc is not None and needed <= _numbers(glibc)


def _numbers(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
