"""Whether a processor is emulated: by qemu for single programs, or by a whole emulated machine (QEMU's TCG).

A virtual machine is not an emulated one: with KVM, and with the accelerators of macOS and Windows, its programs run on
the processor itself. The signs that tell these apart are QEMU's own.
"""

import re
from typing import NamedTuple, Optional, Tuple

from sis_agent.board import cpu
from sis_agent.board.surroundings import DEVICE_TREE, DMI
from sis_agent.commands import Commands
from sis_agent.tree import Tree

# What QEMU calls the processors that it has made up.
TCG_NAME = "QEMU TCG CPU"
OWN_NAME = "QEMU Virtual CPU"  # older ones have it with KVM too
OWN_ARM = ("0x00", "0x051")  # implementer and part of `-cpu max`
# What its device tree calls a processor of an accelerator's guest; an emulated one has its model's name there.
ACCELERATED_ARM = ("arm,arm-v8", "arm,armv8")
# Makers of ARM processors that QEMU can emulate (none, ARM, Fujitsu); Apple and Qualcomm are those of accelerators.
EMULATED_MAKERS = ("0x00", "0x41", "0x46")

X86 = ("x86_64", "i386", "i486", "i586", "i686")

USER = "qemu's user emulation runs its programs"
UNTOLD = "a virtual machine ({}): whether its processor is emulated cannot be told"


class Emulation(NamedTuple):
    """Whether it is emulated as far as can be seen, and the sign; or, where it is not, why that cannot be told."""

    is_emulated: bool = False
    reason: Optional[str] = None


def read(tree: Tree, commands: Commands, machine: Optional[str], virtual: Optional[str]) -> Emulation:
    """What the signs say; `machine` is the architecture, `virtual` the hypervisor by `surroundings.virtual`."""
    if cpu.is_emulated(machine, tree):
        return Emulation(True, USER)
    model = cpu.read(tree).model or ""
    if TCG_NAME in model:
        return Emulation(True, "QEMU emulates its processor, {}".format(model))
    if _arm(tree) == OWN_ARM:
        return Emulation(True, "QEMU emulates its processor (implementer {}, part {})".format(*OWN_ARM))
    if virtual not in ("qemu", "bochs") or _has_kvm(tree):
        return Emulation()
    if virtual == "bochs":
        return Emulation(True, "its firmware is that of Bochs, an emulator")
    found = None
    if machine in X86:
        found = _of_x86(tree, commands, model)
    elif machine is not None and machine.startswith(("aarch64", "arm")):
        found = _of_arm(tree)
    return found if found is not None else Emulation(False, UNTOLD.format(virtual))


def _has_kvm(tree: Tree) -> bool:
    """Whether the kernel has found KVM's own clock, or the firmware names KVM."""
    clocks = tree.text("sys/devices/system/clocksource/clocksource0/available_clocksource") or ""
    hosts_clocks = [tree.text("sys/class/ptp/{}/clock_name".format(name)) or "" for name in tree.names("sys/class/ptp")]
    product = tree.text(DMI + "/product_name") or ""
    return "kvm-clock" in clocks.split() or any("KVM" in name for name in hosts_clocks) or product.startswith("KVM")


def _of_x86(tree: Tree, commands: Commands, model: str) -> Optional[Emulation]:
    """By the hypervisor's signature, which systemd's tool reads from the processor; else by the processor's name."""
    reported = (commands.run("systemd-detect-virt", ["--vm"], 2.0) or "").strip()
    if reported == "qemu":
        return Emulation(True, "QEMU is its hypervisor without an accelerator, by its processor's signature")
    if reported not in ("", "none"):
        return Emulation()
    if model.startswith(OWN_NAME) and tree.text("sys/devices/system/clocksource/clocksource0/available_clocksource"):
        return Emulation(True, "its processor is QEMU's own ({}), and KVM's clock is missing".format(model))
    return None


def _of_arm(tree: Tree) -> Optional[Emulation]:
    maker = (_arm(tree) or ("?", "?"))[0]
    product = tree.text(DMI + "/product_name") or ""
    if product.startswith("QEMU Virtual Machine"):  # with KVM the same firmware says KVM Virtual Machine
        is_emulated = maker in EMULATED_MAKERS
        return Emulation(
            is_emulated, "its firmware is QEMU's without KVM ({})".format(product) if is_emulated else None
        )
    if not tree.names(DEVICE_TREE, "fw-cfg"):  # the other machines of this kind are KVM's only
        return None
    names = [tree.text("{}/cpus/{}/compatible".format(DEVICE_TREE, core)) for core in tree.names(DEVICE_TREE + "/cpus")]
    named = next((name for name in names if name), None)
    if named is None:
        return None
    if named in ACCELERATED_ARM:
        return Emulation()
    board = (tree.text(DEVICE_TREE + "/compatible") or "unknown").replace("\0", ", ")
    return Emulation(True, "QEMU emulates its processor, {} (board {})".format(named, board))


def _arm(tree: Tree) -> Optional[Tuple[str, str]]:
    """Implementer and part of the first core."""
    text = tree.text("proc/cpuinfo") or ""
    maker, part = (re.search(r"^CPU {}\s*: (\w+)".format(key), text, re.M) for key in ("implementer", "part"))
    return (maker.group(1), part.group(1)) if maker and part else None
