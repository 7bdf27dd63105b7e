"""Boards under the names that the pages use, for their commands to run against: simulated, and reached by real SSH.

Every profile measures for a moment, training on digits takes one epoch, and builds have few images: whether the
commands work is asked, not how fast a board is or how good a network.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from command import sis_edge_here
from sshd import Server, serve

from sis_edge import profiles, simulated
from sis_edge.board import jobs
from sis_edge.build import pipeline
from sis_edge.build.steps import export
from sis_edge.exporting import variants, winograd
from sis_edge.files.cache import cache_root
from sis_edge.profiles import DeviceProfile

BOARDS = {"jetson.local": "orin-nano-sim", "pi5.local": "raspberry-pi-5-sim"}
"""A host of the pages -> the simulated board that answers to that name."""

SHORT = {
    **{"rounds": 6, "inferences_per_round": 5, "min_inferences": 0, "min_time_s": 0, "memory_repeats": 1},
    **{"processes": 1, "sampler_pairs": 2, "warmup_s": 0.01},
}
SHORT_POWER = {"idle_s": 1.0, "block_s": 0.5, "blocks": 2}

IMAGES = 64
"""How many of each kind a build looks at."""

CONFIG = """\
Host {host}
  HostName 127.0.0.1
  Port {port}
  IdentityFile "{identity}"
  UserKnownHostsFile "{known_hosts}"
"""

LOGIN = re.compile(r" --user \S+|\b\w+@(?=\w+\.local\b)")
"""A login's name: these boards have one user, who is the test's."""

WHEELS = re.compile(r" --provision\b")
"""Wheels for a board's processor, which no Python here can run: that of the tests has what it needs, and
`tests/board/test_provision.py` brings wheels to boards."""


class World:
    """A user's folder and home, in which every command of a page runs."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self._own = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "SSH_AUTH_SOCK": ""}

    def run(self, line: str) -> CompletedProcess[str]:
        """Run one command of a page."""
        _, *words = shlex.split(WHEELS.sub("", LOGIN.sub("", line)), comments=True)
        return sis_edge_here(*words, cwd=self.folder, SIS_EDGE_CACHE=str(cache_root()), **self._own)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A user's folder, with all boards running; the profiles are theirs meanwhile."""
    home, work = folder / "home", folder / "work"
    for each in (home / ".ssh", work):
        each.mkdir(parents=True)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        boards = {host: stack.enter_context(simulated.board(name)) for host, name in BOARDS.items()}
        for host, board in boards.items():
            server = stack.enter_context(serve(folder / host, home=board.transport.root))
            with (home / ".ssh" / "config").open("a") as config:
                config.write(_entry(host, server))
        own = [board.profile for board in boards.values()]
        load, build = profiles.load, pipeline.build
        patch.setitem(jobs.LENGTHS, "quick", (SHORT, SHORT_POWER))
        patch.setattr(profiles, "load", lambda name: _short(_simulated(load(name), own)))
        patch.setattr(variants, "CALIBRATION_IMAGES", IMAGES)
        patch.setattr(variants, "DECIDING_IMAGES", IMAGES)
        patch.setattr(winograd, "TRAIN_IMAGES", IMAGES)
        patch.setattr(export, "PARITY_IMAGES", IMAGES)
        patch.setattr(pipeline, "build", lambda plan, *more: build(_brief(plan), *more))
        yield World(work, home)


def _entry(host: str, server: Server) -> str:
    return CONFIG.format(host=host, port=server.port, identity=server.identity, known_hosts=server.known_hosts)


def _simulated(profile: DeviceProfile, own: "list[DeviceProfile]") -> DeviceProfile:
    """The profile of a simulated board, or of its kind in another power mode (NAME-super), with that board's agent."""
    for board in own:
        if profile.name.startswith(board.name):
            runtime = profile.runtime.model_copy(update={"threads": board.runtime.threads})
            return profile.model_copy(update={"agent": board.agent, "runtime": runtime})
    return profile


def _short(profile: DeviceProfile) -> DeviceProfile:
    """The same board, measured for a moment."""
    measuring = profile.measuring.model_copy(update=SHORT)
    return profile.model_copy(update={"measuring": measuring, "power": profile.power.model_copy(update=SHORT_POWER)})


def _brief(plan: Any) -> Any:
    """The same build with few images; on digits, where networks are trained, for one epoch."""
    few = replace(plan, test_images=IMAGES)
    return replace(few, epochs=plan.epochs or 1, train_limit=IMAGES) if plan.dataset == "digits" else few
