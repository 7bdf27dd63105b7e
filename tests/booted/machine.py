"""A board that boots: an arm64 Debian on a whole machine that qemu-system emulates, reached by SSH on loopback.

SIGKILL of the emulator is a power cut; its monitor pulls the network's link.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sshd import free_port

from booted.image import TOOLS
from sis_edge.errors import SisEdgeError
from sis_edge.transport.ssh import SshTransport

BOOT_LIMIT_S = 240.0
USER = "bench"


def skip_or_fail() -> None:
    """Where the board cannot be: skip on somebody's machine, fail where CI asked for it."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    reason = (
        f"no {', '.join(missing)} (Debian: qemu-system-arm mmdebstrap e2fsprogs openssh-client)" if missing else None
    )
    if reason is None and os.geteuid() != 0:
        reason = "a booted board's disk can only be made as root"
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@dataclass
class Machine:
    """One board's parts in `folder` (see `image.make`), its disk, and how much memory it has."""

    folder: Path
    disk: Path
    memory_mb: int = 1024

    def __post_init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._monitor = self.folder / f"monitor-{self.port}"
        host_key = (self.folder / "host_ed25519.pub").read_text().split()
        self.known_hosts = self.folder / f"known_hosts-{self.port}"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key[0]} {host_key[1]}\n")

    @property
    def identity(self) -> Path:
        """The key that logs in."""
        return self.folder / "id_ed25519"

    @property
    def options(self) -> list[str]:
        """The words that reach it on a command line."""
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--user", USER]
        return [*where, "--identity", str(self.identity), "--known-hosts", str(self.known_hosts)]

    def transport(self) -> SshTransport:
        """A way to it, of nobody else's configuration."""
        return SshTransport(
            "127.0.0.1",
            user=USER,
            port=self.port,
            identity=self.identity,
            known_hosts=self.known_hosts,
            home=self.folder,
            login_s=60.0,
        )

    def switch_on(self) -> None:
        """Start the emulator, and wait until somebody can log in."""
        drive = f"file={self.disk},format=raw,if=none,id=d0,cache=writethrough"
        net = f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22"
        command = ["qemu-system-aarch64", "-machine", "virt,gic-version=3", "-cpu", "cortex-a57"]
        command += ["-accel", "tcg,thread=multi", "-smp", "2", "-m", str(self.memory_mb), "-display", "none"]
        command += ["-kernel", str(self.folder / "vmlinuz"), "-initrd", str(self.folder / "initrd"), "-no-reboot"]
        command += ["-append", f"console=ttyAMA0 quiet panic=1 rdinit=/init epoch={time.time():.0f}"]
        command += ["-drive", drive, "-device", "virtio-blk-device,drive=d0", "-device", "virtio-rng-device"]
        command += ["-netdev", net, "-device", "virtio-net-device,netdev=n0,id=e0"]
        command += ["-serial", f"file:{self.folder / 'console.log'}", "-monitor", f"unix:{self._monitor},server,nowait"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        end_s = time.monotonic() + BOOT_LIMIT_S
        while True:
            with contextlib.closing(self.transport()) as transport:
                try:
                    assert transport.run(["true"]).exit_code == 0
                    return
                except SisEdgeError as error:
                    if time.monotonic() > end_s or self._process.poll() is not None:
                        console = (self.folder / "console.log").read_text(errors="replace")
                        pytest.fail(f"the board did not boot ({error}); its console: {console[-2000:]}")
            time.sleep(1)

    def cut_power(self) -> None:
        """As if the plug were pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def link(self, *, up: bool) -> None:
        """Pull the network's cable, or plug it in again."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._monitor))
            monitor.recv(4096)
            monitor.sendall(f"set_link e0 {'on' if up else 'off'}\n".encode())
            time.sleep(0.5)
            monitor.recv(65536)


@contextlib.contextmanager
def running(machine: Machine) -> Iterator[Machine]:
    """The machine, switched on until the block ends."""
    try:
        machine.switch_on()
        yield machine
    finally:
        machine.cut_power()
