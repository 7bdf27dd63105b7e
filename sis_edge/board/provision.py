"""Bring ONNX Runtime to a board that has none: pinned wheels, fetched here for the board's processor and Python.

The board needs no internet, no pip and no root: this machine's pip downloads, the transport pushes, the agent unpacks
below its own folder. What is downloaded once is kept in the cache, checked by hash.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sis_agent.files import WHEELS
from sis_agent.schema import Facts
from sis_edge.board import wheel_hashes
from sis_edge.board.agent_client import AgentClient
from sis_edge.board.events import ignore
from sis_edge.board.push import Push, source_of
from sis_edge.errors import BoardError
from sis_edge.files import stages
from sis_edge.files.hashing import file_sha256
from sis_edge.profiles import DeviceProfile, Wheels
from sis_edge.profiles.detect import architecture
from sis_edge.transport import Transport

OLDEST_GLIBC, OLDEST_LISTED = (2, 17), 5
NEWEST_GLIBC_MINOR = 199  # one a half-year; a board that says more does not say its glibc
DOWNLOAD_LIMIT_S = 900.0

Say = Callable[[str], None]


def pinned(profile: DeviceProfile, facts: Facts, name: str) -> Wheels:
    """What the profile pins for the board's Python; raises BoardError without any."""
    known = {wheels.python: wheels for wheels in profile.wheels}
    python = ".".join((facts.python or "").split(".")[:2])
    if python not in known:
        raise BoardError(
            f"the profile {profile.name} pins no wheels for {name}'s Python {facts.python or '(unknown)'}; "
            f"it has some for: {', '.join(known) or 'none'}; name another Python in [agent], or add a [[wheels]] table"
        )
    return known[python]


def platforms(machine: str, glibc: str | None) -> list[str]:
    """The platform tags of wheels that a system with this glibc can use, newest first (PEP 600, and its forerunners).

    Unknown glibc: 2.17, which every such board has.

    >>> platforms("aarch64", "2.18")
    ['manylinux_2_18_aarch64', 'manylinux_2_17_aarch64', 'manylinux2014_aarch64']
    """
    try:
        major, minor = (int(part) for part in (glibc or "2.17").split(".")[:2])
        if minor > NEWEST_GLIBC_MINOR:
            raise ValueError
    except ValueError:
        major, minor = OLDEST_GLIBC
    oldest = OLDEST_LISTED if machine == "x86_64" else OLDEST_GLIBC[1]
    tags = [f"manylinux_{major}_{at}_{machine}" for at in range(minor, oldest - 1, -1)]
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    return tags + [f"{name}_{machine}" for at, name in legacy.items() if oldest <= at <= minor]


def download(packages: Sequence[str], python: str, tags: Sequence[str], cache: Path) -> list[Path]:
    """The wheels of these packages, without what they depend on, for a Python such as "3.6" and platform tags.

    Raises BoardError with pip's reason where there is no such wheel, or no network.
    """

    def fetch(folder: Path) -> dict[str, object]:
        major, minor = python.split(".")
        abi = f"cp{major}{minor}" + ("m" if int(minor) < 8 else "")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
        command += ["download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", str(folder), "--implementation", "cp", "--python-version", python]
        for one in (abi, "abi3", "none"):
            command += ["--abi", one]
        for tag in tags:
            command += ["--platform", tag]
        try:
            done = subprocess.run([*command, *packages], capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise BoardError(f"pip did not download {', '.join(packages)} within {DOWNLOAD_LIMIT_S:g} s") from None
        if done.returncode:
            raise BoardError(
                f"pip cannot download {' '.join(packages)} for Python {python} on {tags[0]}: {_reason(done.stderr)}; "
                "is there a network, and does pip's index have them?"
            )
        return {"packages": list(packages)}

    inputs = {"packages": list(packages), "python": python, "tags": list(tags)}
    return sorted(stages.run(cache, "wheels", inputs, fetch).folder.glob("*.whl"))


def provision(
    transport: Transport, agent: AgentClient, profile: DeviceProfile, facts: Facts, cache: Path, say: Say
) -> bool:
    """Give the board the profile's wheels, unless it has them from before; returns whether something was brought.

    Raises BoardError for a board that there are no wheels for, and as the agent and the transport do.
    """
    pinned_wheels = pinned(profile, facts, transport.name)
    packages, machine = pinned_wheels.packages, architecture(facts)
    if machine not in ("x86_64", "aarch64"):
        raise BoardError(
            f"there are no wheels for {transport.name}: its architecture is {machine or 'unknown'}, and they exist for "
            "x86_64 and aarch64; a 64-bit system is needed"
        )
    python = ".".join((facts.python or "").split(".")[:2])
    there = agent.provision()  # which says first whether any wheel can run there
    say(f"fetching {', '.join(packages)} for Python {python} on {machine}")
    wheels = download(packages, python, platforms(machine, facts.glibc), cache)
    wheel_hashes.check(wheels, pinned_wheels.sha256, say)
    if there == {wheel.name: file_sha256(wheel) for wheel in wheels}:
        say(f"{transport.name} has {', '.join(packages)} from before")
        return False
    size_mb = sum(wheel.stat().st_size for wheel in wheels) / 1e6
    say(f"pushing {', '.join(wheel.name for wheel in wheels)} ({size_mb:.1f} MB)")
    work = Push(agent, WHEELS, [source_of(wheel) for wheel in wheels], ignore)
    while not work.go_on():
        pass
    agent.provision(*(wheel.name for wheel in wheels))
    say(f"{transport.name} has {', '.join(packages)} now, in the agent's own folder")
    return True


def _reason(text: str) -> str:
    errors = [line.removeprefix("ERROR: ") for line in text.splitlines() if line.startswith("ERROR: ")]
    return errors[-1] if errors else (text.strip().splitlines() or ["it gave no reason"])[-1]
