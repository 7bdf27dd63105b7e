"""The processor, and whether it is a real one."""

import os
import struct
from typing import Dict, List, NamedTuple, Optional

from sis_agent.tree import Tree

# (implementer, part) of ARM's MIDR register, as /proc/cpuinfo spells them, for the boards of this kind.
ARM_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd83"): "Neoverse-V3AE",
    ("0x4e", "0x003"): "NVIDIA Denver 2",
    ("0x4e", "0x004"): "NVIDIA Carmel",
}

CORES = "sys/devices/system/cpu"

# e_machine of an ELF header, for the families that a board may have or emulate.
ELF_FAMILIES = {3: "x86", 62: "x86", 40: "arm", 183: "arm", 243: "riscv"}


class Cpu(NamedTuple):
    """The processor by /proc/cpuinfo; `cores` is None where it lists none."""

    model: Optional[str]
    features: List[str]
    cores: Optional[int]


def read(tree: Tree) -> Cpu:
    """The processor; big and little cores are named together, in the order of the file."""
    models: List[str] = []
    features: List[str] = []
    count = 0
    entry: Dict[str, str] = {}
    for line in [*tree.lines("proc/cpuinfo"), ""]:
        key, colon, value = line.partition(":")
        if colon:
            entry[key.strip()] = value.strip()
            continue
        if "processor" in entry:
            count += 1
        name = entry.get("model name") if "CPU part" not in entry else _arm_name(entry)
        if name and name not in models:
            models.append(name)
        features = features or (entry.get("flags") or entry.get("Features") or "").split()
        entry = {}
    return Cpu(" + ".join(models) or None, features, count or None)


def cores(tree: Tree) -> List[str]:
    """The cores' names (cpu0, cpu1 ...), offline ones too."""
    return [name for name in tree.names(CORES, "cpu") if name[3:].isdigit()]


def frequencies_hz(tree: Tree) -> List[Optional[float]]:
    """Each core's clock now; empty where the board has no cpufreq."""
    clocks_hz = [tree.number("{}/{}/cpufreq/scaling_cur_freq".format(CORES, core), 1e3) for core in cores(tree)]
    return clocks_hz if any(value is not None for value in clocks_hz) else []


def max_frequency_hz(tree: Tree) -> Optional[float]:
    """The fastest core's clock as far as the board allows it now (a power mode may cap it); None without cpufreq."""
    base = CORES + "/{}/cpufreq/{}"
    for name in ("scaling_max_freq", "cpuinfo_max_freq"):
        clocks_hz = [tree.number(base.format(core, name), 1e3) for core in cores(tree)]
        known = [value for value in clocks_hz if value is not None]
        if known:
            return max(known)
    return None


def governor(tree: Tree) -> Optional[str]:
    """Who chooses the first core's clock."""
    return tree.text(CORES + "/cpu0/cpufreq/scaling_governor")


def is_emulated(machine: Optional[str], tree: Tree) -> bool:
    """Whether qemu's user emulation runs this very process, as far as can be seen.

    qemu answers for /proc/self/exe itself and names the emulated program; the same link under /proc/thread-self
    is the kernel's, and names qemu: an ELF file of another family of processors than the machine claims to be.
    """
    try:
        with open(tree.path("proc/thread-self/exe"), "rb") as file:
            header = file.read(20)
    except OSError:
        return False
    if header[:4] != b"\x7fELF":
        return False
    order = "<H" if header[5:6] == b"\x01" else ">H"
    running = ELF_FAMILIES.get(struct.unpack(order, header[18:20])[0])
    claimed = _family(machine)
    return running is not None and claimed is not None and running != claimed


def affinity_count() -> Optional[int]:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count()


def _family(machine: Optional[str]) -> Optional[str]:
    if machine is None:
        return None
    if machine in ("x86_64", "i386", "i486", "i586", "i686"):
        return "x86"
    if machine.startswith(("aarch64", "arm")):
        return "arm"
    return "riscv" if machine.startswith("riscv") else None


def _arm_name(entry: Dict[str, str]) -> str:
    part = (entry.get("CPU implementer", "?"), entry["CPU part"])
    return ARM_PARTS.get(part, "ARM implementer {} part {}".format(*part))
