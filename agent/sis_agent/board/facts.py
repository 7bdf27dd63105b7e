"""The board as the agent sees it, from /proc, /sys and /etc below a root. What cannot be read is None.

What it can run and which sensors it has, `inventory.py` adds.
"""

import importlib.util
import os
import re
import sys
from typing import Dict, Iterator, List, Optional

from sis_agent.board import cpu, emulation, limits, logind, power_mode, surroundings, thermal
from sis_agent.commands import Commands
from sis_agent.schema import Facts
from sis_agent.tree import Tree, finite

PACKAGES = ("onnxruntime", "numpy", "tensorrt", "pycuda", "psutil", "ai_edge_litert", "tflite_runtime")
# Distributions that bring a package under another name than its own.
ALIASES = {"onnxruntime": ("onnxruntime_gpu", "onnxruntime_openvino"), "tensorrt": ("tensorrt_cu12", "tensorrt_cu13")}


def read(root: str = "/", disk: str = "/") -> Facts:
    """The facts of the tree at `root`, and the free space of the file system that holds `disk`.

    A root other than "/" is a recorded board: its facts are marked simulated, and nothing is asked of this machine's
    kernel for them.
    """
    tree = Tree(root)
    commands = Commands(root)
    real = tree.is_real
    machine = os.uname().machine if real else tree.text("proc/sys/kernel/arch")
    processor = cpu.read(tree)
    memory = meminfo_bytes(tree)
    virtual = surroundings.virtual(tree)
    emulated = emulation.read(tree, commands, machine, virtual) if real else emulation.Emulation()
    return Facts(
        machine=machine,
        model=_model(tree),
        kernel=tree.text("proc/sys/kernel/osrelease"),
        os_name=_os_name(tree),
        l4t=_l4t(tree, machine),
        glibc=glibc_version() if real else None,
        python="{}.{}.{}".format(*sys.version_info[:3]),
        python_executable=sys.executable,
        cpu_model=processor.model,
        cpu_count=cpu.affinity_count() if real else processor.cores,
        cpu_features=processor.features,
        memory_total_bytes=memory.get("MemTotal"),
        memory_available_bytes=memory.get("MemAvailable"),
        swap_total_bytes=memory.get("SwapTotal"),
        disk_free_bytes=_disk_free_bytes(disk),
        load_average_1min=load_average(tree),
        governor=cpu.governor(tree),
        cpu_frequency_hz=cpu.frequencies_hz(tree),
        temperatures_c=thermal.temperatures_c(tree),
        packages=package_versions(sys.path),
        hostname=tree.text("proc/sys/kernel/hostname"),
        power_mode=power_mode.read(tree, commands),
        cpu_max_frequency_hz=cpu.max_frequency_hz(tree),
        kill_user_processes=logind.kills_user_processes(tree, commands),
        simulated=not real,
        emulated=emulated.is_emulated,
        emulation=emulated.reason,
        allowed_cores=limits.allowed_cores(tree),
        cpu_quota_cores=limits.quota_cores(tree),
        virtual=virtual,
        container=surroundings.container(tree),
        trip_points_c=thermal.trip_points_c(tree),
        root_noexec=is_noexec(disk),
    )


def _l4t(tree: Tree, machine: Optional[str]) -> Optional[str]:
    """By NVIDIA's file, which a container often has empty or not at all; else by the package that brings it."""
    release = l4t_version(tree.text("etc/nv_tegra_release"))
    return release or (debian_version(tree, "nvidia-l4t-core") if machine in ("aarch64", None) else None)


def l4t_version(text: Optional[str]) -> Optional[str]:
    """NVIDIA's L4T release, such as "36.4.3", from the first line of /etc/nv_tegra_release."""
    match = re.match(r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)", text or "")
    return "{}.{}".format(*match.groups()) if match else None


def package_versions(folders: List[str]) -> Dict[str, Optional[str]]:
    """Versions of the packages that are installed, read from their metadata's names: importing them costs seconds.

    A package that is not installed is not in the dict; None is one of unknown version.
    """
    versions: Dict[str, Optional[str]] = {}
    for folder in folders:
        for name in Tree(folder or ".").names(""):
            match = re.match(r"([A-Za-z0-9_.]+?)-([0-9][^-]*)(-.*)?\.(dist|egg)-info$", name)
            if not match:
                continue
            distribution = match.group(1).lower().replace(".", "_")
            for package in PACKAGES:
                if distribution == package or distribution in ALIASES.get(package, ()):
                    versions.setdefault(package, match.group(2))
    for package in PACKAGES:
        if package not in versions:
            found = importlib.util.find_spec(package)
            # A folder without a package in it, such as an interrupted installation leaves, has no origin.
            if found is not None and found.origin not in (None, "namespace"):
                versions[package] = None
    return versions


def debian_version(tree: Tree, name: str) -> Optional[str]:
    """The version of the installed Debian package whose name matches, such as "10.3.0.30"; None without any."""
    version = None
    fields: Dict[str, str] = {}
    for line in _dpkg_status(tree):
        key, _, value = line.partition(": ")
        if key in ("Package", "Status", "Version"):
            fields[key] = value
        elif not line:
            if fields.get("Status", "").endswith(" installed") and re.match(name + "$", fields.get("Package", "")):
                version = re.split("[-+]", fields.get("Version", ""))[0] or None
            fields = {}
    return version


def _dpkg_status(tree: Tree) -> Iterator[str]:
    """The lines of the list of packages, and an empty one behind them; it is megabytes long, so one after the other."""
    try:
        with open(tree.path("var/lib/dpkg/status"), encoding="utf-8", errors="replace") as file:
            for line in file:
                yield line.rstrip("\n")
    except OSError:
        pass
    yield ""


def _model(tree: Tree) -> Optional[str]:
    """The board's name: the device tree's on ARM, the firmware's on a PC."""
    return tree.text("proc/device-tree/model") or tree.text("sys/class/dmi/id/product_name")


def _os_name(tree: Tree) -> Optional[str]:
    for line in tree.lines("etc/os-release"):
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip("\"'")
    return None


def glibc_version() -> Optional[str]:
    """The version of glibc, as "2.31"; None for another C library."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):  # another C library, such as musl
        return None
    return version if name == "glibc" else None


def meminfo_bytes(tree: Tree) -> Dict[str, int]:
    """The kernel's counts of memory, by its own names."""
    sizes_bytes = {}
    for line in tree.lines("proc/meminfo"):
        match = re.match(r"(\w+):\s+(\d+) kB", line)
        if match:
            sizes_bytes[match.group(1)] = int(match.group(2)) * 1024
    return sizes_bytes


def _disk_free_bytes(folder: str) -> Optional[int]:
    """Space that an ordinary user may still fill."""
    file_system = _file_system(folder)
    return None if file_system is None else file_system.f_bavail * file_system.f_frsize


def is_noexec(folder: str) -> Optional[bool]:
    """Whether nothing in the folder may be executed, libraries included."""
    file_system = _file_system(folder)
    return None if file_system is None else bool(file_system.f_flag & os.ST_NOEXEC)


def _file_system(folder: str) -> Optional[os.statvfs_result]:
    """That of the folder, or of the nearest parent that is there."""
    folder = os.path.abspath(folder)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    try:
        return os.statvfs(folder)
    except OSError:
        return None


def load_average(tree: Tree) -> Optional[float]:
    """Processes that wanted to run, over the last minute."""
    fields = (tree.text("proc/loadavg") or "").split()
    return finite(fields[0]) if fields else None
