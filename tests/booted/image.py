"""The disk, the kernel and the initial RAM disk of an arm64 Debian, made of Debian's packages without emulation."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sshd import make_key

RELEASE = "bookworm"  # CPython 3.11, glibc 2.36
KERNEL = "linux-image-cloud-arm64"
PACKAGES = (
    *(
        "openssh-server",
        "python3-minimal",
        "libpython3-stdlib",
        "libstdc++6",
        "dash",
        "coreutils",
        "util-linux",
        "mount",
    ),
    *(
        "procps",
        "iproute2",
        "base-files",
        "base-passwd",
        "libc-bin",
        "grep",
        "sed",
        "hostname",
        "busybox-static",
        KERNEL,
    ),
)
MODULES = ("virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng", "ext4")
DISK = "1300M"
TOOLS = ("qemu-system-aarch64", "mmdebstrap", "mke2fs", "ssh-keygen")

# The initial RAM disk has busybox alone: modules, then the root, then `START` in it.
INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in $(/bin/busybox cat /modules); do /bin/busybox insmod /lib/$module; done
while ! /bin/busybox mount -t ext4 -o rw /dev/vda /root; do /bin/busybox sleep 0.1; done
exec /bin/busybox switch_root /root /sbin/start
"""
START = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run/sshd && mount -t devpts devpts /dev/pts
hostname booted
date -s "@$(sed 's/.*epoch=\\([0-9]*\\).*/\\1/' /proc/cmdline)" >/dev/null
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
/usr/sbin/sshd -D -e &
while :; do wait; sleep 1; done
"""
SSHD = """HostKey /etc/ssh/host_ed25519
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""


def make(folder: Path) -> None:
    """Write `vmlinuz`, `initrd`, `disk.img`, and two keys: the client's `id_ed25519`, the board's `host_ed25519`."""
    root = folder / "root"
    sources = [str(path) for path in sorted(Path("/etc/apt/sources.list.d").glob("debian*.sources"))]
    system = ["mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract", "--mode=root"]
    subprocess.run([*system, f"--include={','.join(PACKAGES)}", RELEASE, str(root), *sources], check=True, timeout=600)
    for name in ("id_ed25519", "host_ed25519"):
        make_key(folder / name)
    (kernel,) = root.glob("boot/vmlinuz-*")
    shutil.move(kernel, folder / "vmlinuz")
    (modules,) = (root / "usr/lib/modules" if (root / "usr/lib/modules").exists() else root / "lib/modules").iterdir()
    _initrd(folder, root, modules)
    for place in (modules, root / "boot", root / "usr/share/doc", root / "usr/share/locale", root / "usr/share/man"):
        shutil.rmtree(place, ignore_errors=True)
    _set_up(folder, root)
    disk = folder / "disk.img"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), DISK], check=True, timeout=120)
    shutil.rmtree(root)


def _set_up(folder: Path, root: Path) -> None:
    """A user `bench` who logs in with the client's key, and an SSH server."""
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / f"etc/{name}")
    with (root / "etc/passwd").open("a") as file:
        file.write("sshd:*:100:65534::/run/sshd:/usr/sbin/nologin\nbench:*:1000:1000::/home/bench:/bin/sh\n")
    with (root / "etc/group").open("a") as file:
        file.write("bench:*:1000:\n")
    for path, text, mode in (
        ("sbin/start", START, 0o755),
        ("etc/ssh/sshd_config", SSHD, 0o644),
        ("etc/ssh/host_ed25519", (folder / "host_ed25519").read_text(), 0o600),
        ("home/bench/.ssh/authorized_keys", (folder / "id_ed25519.pub").read_text(), 0o600),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        (root / path).chmod(mode)
    for path in (root / "home/bench", root / "home/bench/.ssh", root / "home/bench/.ssh/authorized_keys"):
        os.chown(path, 1000, 1000)
    (root / "home/bench/.ssh").chmod(0o700)
    for name in ("proc", "sys", "dev", "run", "tmp", "root"):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)


def _initrd(folder: Path, root: Path, modules: Path) -> None:
    """busybox, the modules in the order of their needs, and `INIT`, as an archive that the kernel unpacks."""
    files = {path.name.partition(".ko")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")}
    order: list[str] = []
    for name in MODULES:
        _needs(name, files, order)
    busybox = next(path for path in (root / "bin/busybox", root / "usr/bin/busybox") if path.exists())
    entries: list[tuple[str, int, bytes]] = [(name, 0o40755, b"") for name in ("bin", "lib", "dev", "proc", "root")]
    entries += [("bin/busybox", 0o100755, busybox.read_bytes()), ("init", 0o100755, INIT.encode())]
    entries += [(f"lib/{files[name].name}", 0o100644, files[name].read_bytes()) for name in order]
    entries.append(("modules", 0o100644, "\n".join(files[name].name for name in order).encode()))
    (folder / "initrd").write_bytes(cpio(entries))


def _needs(name: str, files: dict[str, Path], order: list[str]) -> None:
    """Add a module behind those that it depends on; one without a file is built into the kernel."""
    if name in order or name not in files:
        return
    found = re.search(rb"\0depends=([\w,-]*)\0", files[name].read_bytes())
    for each in filter(None, found[1].decode().split(",") if found else ()):
        _needs(each.replace("-", "_"), files, order)
    order.append(name)


def cpio(entries: list[tuple[str, int, bytes]]) -> bytes:
    """An archive of the format `newc`: name, mode and content of each."""
    data = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        named = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(named), 0)
        data += b"070701" + b"".join(b"%08X" % field for field in fields) + named
        data += bytes(-len(data) % 4) + content
        data += bytes(-len(data) % 4)
    return bytes(data)
