"""Checks of this machine: what builds, trains and reaches boards."""

import importlib.metadata
import os
import platform
import shutil
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

from sis_edge.doctor.check import Answer, DoctorCheck, error, ok, unknown, warning
from sis_edge.errors import DiskError, UsageError
from sis_edge.extras import EXTRAS, adding, installing, is_installed
from sis_edge.files.cache import cache_root
from sis_edge.files.disk import check_room
from sis_edge.native import toolchain

TESTED = ((3, 11), (3, 13))
FEW_BYTES, ROOM_BYTES = 200 << 20, 2 << 30
"""A bundle with its trainings, and all data sets with some builds."""


@dataclass(frozen=True)
class ThisHost:
    """This machine: the folder of builds, the cache, the user's home, and the environment."""

    folder: Path = field(default_factory=Path.cwd)
    cache: Path = field(default_factory=cache_root)
    home: Path = field(default_factory=Path.home)
    python: tuple[int, int] = sys.version_info[:2]
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))


def python(host: ThisHost) -> Answer:
    """The interpreter: of a release that sis-edge is tested with, and a 64-bit one, as torch needs."""
    version = ".".join(map(str, host.python))
    if struct.calcsize("P") < 8:
        return error(f"Python {version} is a 32-bit program", "install a 64-bit Python 3.11 or newer", 1)
    if not TESTED[0] <= host.python <= TESTED[1]:
        tested = " to ".join(".".join(map(str, each)) for each in TESTED)
        fix = "uv tool install --python 3.13 ..., or in a clone make PYTHON=python3.13 quickstart"
        return warning(f"Python {version}, tested with {tested}", fix)
    return ok(f"Python {platform.python_version()} ({sys.executable})")


def packages(host: ThisHost) -> Answer:
    """What sis-edge needs is installed, in versions that it is made for."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("sis-edge") or []
    except importlib.metadata.PackageNotFoundError:
        return unknown("sis-edge is not installed as a package here")
    wrong = []
    for requirement in map(Requirement, lines):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append((requirement, "missing"))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append((requirement, version))
    if not wrong:
        return ok("all that sis-edge needs is installed")
    said = ", ".join(f"{each.name} is {version}" for each, version in wrong)
    return error(said, installing(*(f"{each.name}{each.specifier}" for each, _ in wrong)), 1)


def extras(host: ThisHost) -> Answer:
    """Which optional parts are there; none of them is needed by every user."""
    there = [name for name in EXTRAS if is_installed(name)]
    missing = [f"{name} ({extra.purpose})" for name, extra in EXTRAS.items() if name not in there]
    said = f"installed: {', '.join(there) or 'none'}"
    if missing:
        said += f"; not installed: {', '.join(missing)}; `{installing('sis-edge[NAME]')}` adds one"
    return ok(said)


def compiler(host: ThisHost) -> Answer:
    """A C compiler for each architecture that native kernels exist for."""
    found, missing = [], []
    for architecture in toolchain.ARCHITECTURES:
        try:
            compiler = toolchain.find(architecture)
        except UsageError:
            missing.append(architecture)
        else:
            found.append(f"{compiler.kind} {compiler.version} for {architecture}")
    if missing:
        said = f"no C compiler for {' and '.join(missing)}: bundles for it have no native kernels"
        return warning(said, adding("native"))
    return ok(", ".join(found))


def disk(host: ThisHost) -> Answer:
    """Room for builds where the command was started."""
    return _room(host.folder)


def cache(host: ThisHost) -> Answer:
    """The cache can be written and has room: data sets, libraries, wheels."""
    try:
        check_room(host.cache, 0)
    except DiskError as found:
        fix = f"chown -R $USER {host.cache}, or name another folder: export SIS_EDGE_CACHE=FOLDER"
        return error(str(found).partition(": ")[0], fix, found.exit_code)
    return _room(host.cache)


def ssh_keys(host: ThisHost) -> Answer:
    """A key to log in with: files, or those of ssh-agent."""
    folder = host.home / ".ssh"
    keys = sorted(path for path in folder.glob("id_*") if path.suffix != ".pub" and path.is_file())
    open_keys = [path for path in keys if path.stat().st_mode & 0o077]
    if open_keys:
        return warning(f"{open_keys[0]} can be read by other users", f"chmod 600 {open_keys[0]}")
    names = [path.name for path in keys]
    if host.environment.get("SSH_AUTH_SOCK"):
        names.append("ssh-agent")
    if not names:
        return warning(f"no key in {folder}, and no ssh-agent", "ssh-keygen -t ed25519, then ssh-copy-id USER@BOARD")
    return ok(", ".join(names))


def _room(folder: Path) -> Answer:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free_bytes = shutil.disk_usage(there).free
    said = f"{folder}: {free_bytes / 1e9:,.1f} GB free"
    if free_bytes < FEW_BYTES:
        return error(said, f"free at least {FEW_BYTES / 1e9:.1f} GB there, or use another folder", DiskError.exit_code)
    if free_bytes < ROOM_BYTES:
        return warning(f"{said}, and CIFAR-10 with some builds takes {ROOM_BYTES / 1e9:.0f} GB", "free space there")
    return ok(said)


HOST: tuple[DoctorCheck[ThisHost], ...] = (
    DoctorCheck("Python", python),
    DoctorCheck("packages", packages),
    DoctorCheck("extras", extras),
    DoctorCheck("C compiler", compiler),
    DoctorCheck("disk", disk),
    DoctorCheck("cache", cache),
    DoctorCheck("SSH keys", ssh_keys),
)
