"""An aarch64 board under qemu's user emulation: Debian's own userland and the aarch64 wheels of ONNX Runtime and numpy.

Nothing of the machine is changed: the emulator is registered in a user namespace of its own, which holds the board's
mounts and processes too and ends with its first process.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from once import made_once

from sis_edge.transport import Completed, LocalTransport

EMULATOR = "qemu-aarch64-static"
TOOLS = (EMULATOR, "mmdebstrap", "unshare", "nsenter", "chroot")
# CPython 3.11, glibc 2.36.
RELEASE, PYTHON = "bookworm", "3.11"
PACKAGES = "python3-minimal,libpython3-stdlib,libstdc++6,dash,coreutils,base-files,libc-bin"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
# Header and mask of a 64-bit ARM program, as binfmt_misc wants them; F: the emulator is opened at once, so it is
# found from within the board too.
MAGIC = (
    r":qemu-aarch64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:{emulator}:OCF"
)
# onnxruntime's cpuinfo dies on an x86's /proc/cpuinfo when it is an ARM program: so it gets an ARM's.
CPUINFO = "".join(
    f"processor\t: {core}\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
    "CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd07\nCPU revision\t: 0\n\n"
    for core in range(2)
)
HOME = "home/bench"
SITE = "usr/lib/python3/dist-packages"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")


def lacking() -> str | None:
    """What this machine lacks for such a board; None when nothing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"an emulated board needs {', '.join(missing)} (Debian: qemu-user-static, mmdebstrap, util-linux)"
    if os.geteuid() != 0:
        return "an emulated board needs root, to unpack a file tree of another architecture"
    trial = subprocess.run(
        [*NAMESPACE, "mount", "-t", "binfmt_misc", "none", "/proc/sys/fs/binfmt_misc"],
        capture_output=True,
        text=True,
    )
    return f"this kernel gives a user namespace no binfmt_misc: {trial.stderr.strip()}" if trial.returncode else None


def skip_or_fail() -> None:
    """Where the board cannot be: skip on somebody's machine, fail in CI, which is meant to have all it needs."""
    reason = lacking()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def unpacked(factory: pytest.TempPathFactory, root: Path) -> Path:
    """The board's file tree in `root`: a copy of the one that is made once in a run."""
    made = made_once(factory, "aarch64 board", _unpack)
    subprocess.run(["cp", "--archive", "--reflink=auto", str(made), str(root)], check=True)
    return root


def _unpack(root: Path) -> None:
    sources = [str(path) for path in sorted(Path("/etc/apt/sources.list.d").glob("debian*.sources"))]
    system = ["mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract", "--mode=root", f"--include={PACKAGES}"]
    subprocess.run([*system, RELEASE, str(root), *sources], check=True, timeout=280)
    place = ["--python-version", PYTHON, "--implementation", "cp", "--target", str(root / SITE)]
    kinds = ["--only-binary=:all:", *(word for platform in PLATFORMS for word in ("--platform", platform))]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, *place, *kinds, "onnxruntime", "numpy"], check=True, timeout=280)
    for folder in (HOME, "proc", "tmp", "dev"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "dev/null").touch()
    (root / "cpuinfo").write_text(CPUINFO, encoding="ascii")


class EmulatedTransport(LocalTransport):
    """Files go straight into the board's home; commands run within it."""

    def __init__(self, root: Path, pid: int) -> None:
        super().__init__(root / HOME)
        self.name = "emulated aarch64"
        self._board = root
        self._pid = pid

    @property
    def home(self) -> Path:
        """The board's login folder, as this machine sees it."""
        return self._board / HOME

    def run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> Completed:
        return super().run([*self._shell(), f"cd /{HOME} && exec {shlex.join(argv)}"], timeout_s=timeout_s)

    def login_shell(self, path: Path) -> Path:
        """Write a shell for an SSH server's sessions, whose commands run within the board."""
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self._shell())} "cd /{HOME} && $2"\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    def _shell(self) -> list[str]:
        enter = ["nsenter", "-t", str(self._pid), "--user", "--preserve-credentials", "--mount", "--pid"]
        environment = ["env", "-i", "PATH=/usr/bin:/bin", f"HOME=/{HOME}", "QEMU_CPU=cortex-a57", "LC_ALL=C.UTF-8"]
        return [*enter, *environment, "/usr/sbin/chroot", str(self._board), "/bin/sh", "-c"]


@contextmanager
def board(root: Path) -> Iterator[EmulatedTransport]:
    """The board in `root`, running: its first process holds the namespaces, and all others end with it."""
    magic = MAGIC.format(emulator=shutil.which(EMULATOR))
    place = shlex.quote(str(root))
    start = (
        "set -e; mount -t binfmt_misc none /proc/sys/fs/binfmt_misc; "
        f"printf '%s' '{magic}' > /proc/sys/fs/binfmt_misc/register; "
        f"mount --bind /dev/null {place}/dev/null; mount -t proc proc {place}/proc; "
        f"mount --bind {place}/cpuinfo {place}/proc/cpuinfo; echo ready; exec cat"
    )
    words = [*NAMESPACE, "sh", "-c", start]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError("the emulated board did not start; standard error says why")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
            yield EmulatedTransport(root, int(children.split()[0]))
        finally:
            process.stdin.close()
            process.wait(30)
