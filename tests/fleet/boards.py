"""Boards of a fleet over a real SSH server: jobs of the null runtime, each board with a home of its own."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sshd import Server, free_ports, serve

PROFILE = """\
name = "tiny"
title = "Any board"
[board]
model = "any"
architecture = "any"
cpu = "any"
system = "Linux"
verified = true
[agent]
python = "{python}"
sysroot = "{sysroot}"
[runtime]
runners = ["null"]
threads = 1
[measuring]
rounds = {rounds}
inferences_per_round = 3
min_inferences = 0
min_time_s = 0
memory_repeats = 1
processes = 1
sampler_pairs = 0
warmup_s = 0.01
time_limit_s = 1200
"""

# A board of its own for each port of one server: its login folder is named after the port. `{hook}` runs there.
SESSION = """\
set -- $SSH_CONNECTION
mkdir -p $4
cd $4
HOME=$PWD
export HOME
{hook}
"""


MOST_PORTS = 15
"""Of one OpenSSH server, beside its own."""


@dataclass(frozen=True)
class Lab:
    """Boards that run, and the inventory that names them."""

    folder: Path
    ports: dict[str, int]
    servers: dict[str, Server]

    @property
    def inventory(self) -> Path:
        """The file."""
        return self.folder / "boards.toml"

    def home(self, name: str) -> Path:
        """A board's login folder."""
        return self.servers[name].home / str(self.ports[name])


@contextmanager
def lab(
    folder: Path, names: Sequence[str], *, dead: Sequence[str] = (), hook: str = "", **profile: Any
) -> Iterator[Lab]:
    """A board at each of several ports; nothing listens at those of dead ones. `hook` is shell, run at each login."""
    every = (*names, *dead)
    ports = dict(zip(every, free_ports(len(every)), strict=True))
    servers: dict[str, Server] = {}
    python = folder / "python"  # without packages: an agent looks at every runtime that it finds
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    with ExitStack() as stack:
        for begin in range(0, len(names), MOST_PORTS):
            some = names[begin : begin + MOST_PORTS]
            lines = "".join(f"Port {ports[name]}\n" for name in some) + "MaxStartups 300\n"
            place = folder / f"sshd-{begin}"
            server = stack.enter_context(serve(place, settings=lines, start_up=SESSION.format(hook=hook)))
            for name in (*some, *dead):
                server.know(ports[name])
                servers[name] = server
        found = Lab(folder, ports, servers)
        entries = []
        for name, port in ports.items():
            sysroot = folder / "sysroots" / name
            sysroot.mkdir(parents=True)
            text = PROFILE.format(**{"python": python, "sysroot": sysroot, "rounds": 2, **profile})
            (folder / f"{name}.toml").write_text(text)
            entries.append(
                f'[boards.{name}]\nhost = "127.0.0.1"\nport = {port}\nidentity = "{servers[name].identity}"\n'
                f'known_hosts = "{servers[name].known_hosts}"\nprofile = "{name}.toml"\n'
                f'groups = ["{"dead" if name in dead else "alive"}"]\n'
            )
        found.inventory.write_text("\n".join(entries))
        yield found
