"""Emulated or merely virtual: the trees that QEMU's machines show with an accelerator and without."""

from pathlib import Path

import pytest

from sis_agent.board import emulation, surroundings
from sis_agent.commands import Commands
from sis_agent.tree import Tree

DMI, TREE = "sys/class/dmi/id/", "proc/device-tree/"
CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"
X86 = "processor\t: 0\nmodel name\t: {}\nflags\t\t: fpu sse2 hypervisor\n\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: {}\nCPU part\t: {}\n\n"
A57 = ARM.format("0x41", "0xd07")
# QEMU's board `virt` as its device tree has it, booted without firmware.
VIRT = {TREE + "compatible": "linux,dummy-virt\0", TREE + "fw-cfg@9020000/compatible": "qemu,fw-cfg-mmio\0"}
CPU0 = TREE + "cpus/cpu@0/compatible"
PC = {DMI + "sys_vendor": "QEMU", DMI + "product_name": "Standard PC (Q35 + ICH9, 2009)"}
OWN = X86.format("QEMU Virtual CPU version 2.5+")
EPYC = X86.format("AMD EPYC")


def found(root: Path, machine: str, files: dict[str, str]) -> emulation.Emulation:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.parent == root / "usr/bin":
            path.chmod(0o755)
    tree = Tree(str(root))
    return emulation.read(tree, Commands(str(root)), machine, surroundings.virtual(tree))


@pytest.mark.parametrize(
    ("machine", "files", "sign"),
    [
        ("aarch64", {**VIRT, "proc/cpuinfo": A57, CPU0: "arm,cortex-a57\0"}, "arm,cortex-a57 (board linux,dummy-virt)"),
        ("aarch64", {**VIRT, "proc/cpuinfo": ARM.format("0x00", "0x051")}, "implementer 0x00, part 0x051"),
        (
            "aarch64",
            {"proc/cpuinfo": A57, DMI + "sys_vendor": "QEMU", DMI + "product_name": "QEMU Virtual Machine"},
            "QEMU Virtual Machine",
        ),
        ("x86_64", {**PC, "proc/cpuinfo": X86.format("QEMU TCG CPU version 2.5+")}, "QEMU TCG CPU version 2.5+"),
        ("x86_64", {**PC, "proc/cpuinfo": OWN, CLOCKS: "tsc hpet acpi_pm\n"}, "KVM's clock is missing"),
        (
            "x86_64",
            {**PC, "proc/cpuinfo": EPYC, CLOCKS: "tsc hpet\n", "usr/bin/systemd-detect-virt": "#!/bin/sh\necho qemu\n"},
            "signature",
        ),
        ("x86_64", {"proc/cpuinfo": X86.format("Pentium"), DMI + "bios_vendor": "Bochs"}, "Bochs"),
    ],
)
def test_an_emulated_board_is_seen_with_its_sign(
    tmp_path: Path, machine: str, files: dict[str, str], sign: str
) -> None:
    is_emulated, reason = found(tmp_path, machine, files)
    assert is_emulated
    assert reason is not None
    assert sign in reason


@pytest.mark.parametrize(
    ("machine", "files"),
    [
        # A guest of KVM, of macOS on Apple's processor, and of KVM with QEMU's own name of a processor.
        ("aarch64", {**VIRT, "proc/cpuinfo": ARM.format("0x41", "0xd0c"), CPU0: "arm,arm-v8\0"}),
        (
            "aarch64",
            {**VIRT, "proc/cpuinfo": A57, CPU0: "arm,cortex-a57\0", "sys/class/ptp/ptp0/clock_name": "KVM PTP"},
        ),
        (
            "aarch64",
            {
                "proc/cpuinfo": ARM.format("0x61", "0x022"),
                DMI + "sys_vendor": "QEMU",
                DMI + "product_name": "QEMU Virtual Machine",
            },
        ),
        (
            "aarch64",
            {"proc/cpuinfo": A57, DMI + "sys_vendor": "QEMU", DMI + "product_name": "KVM Virtual Machine"},
        ),
        ("x86_64", {**PC, "proc/cpuinfo": OWN, CLOCKS: "kvm-clock tsc acpi_pm\n"}),
        ("x86_64", {**PC, "proc/cpuinfo": EPYC, "usr/bin/systemd-detect-virt": "#!/bin/sh\necho kvm\n"}),
        ("x86_64", {"proc/cpuinfo": EPYC, DMI + "sys_vendor": "Amazon EC2"}),
        # Boards of their own.
        ("aarch64", {"proc/cpuinfo": A57, TREE + "compatible": "nvidia,p3450-0000\0nvidia,tegra210\0"}),
        ("x86_64", {"proc/cpuinfo": "processor\t: 0\nmodel name\t: N100\nflags\t\t: fpu\n\n"}),
        ("aarch64", {}),
    ],
)
def test_a_virtual_machine_and_a_board_are_not_emulated(tmp_path: Path, machine: str, files: dict[str, str]) -> None:
    assert found(tmp_path, machine, files) == (False, None)


@pytest.mark.parametrize(
    ("machine", "files"),
    [
        ("aarch64", {"proc/cpuinfo": A57, TREE + "compatible": "linux,dummy-virt\0"}),
        ("aarch64", {**VIRT, "proc/cpuinfo": A57}),
        ("riscv64", {TREE + "compatible": "riscv-virtio,qemu\0"}),
        ("x86_64", {**PC, "proc/cpuinfo": EPYC, CLOCKS: "tsc hpet\n"}),
    ],
)
def test_where_it_cannot_be_told_it_says_so(tmp_path: Path, machine: str, files: dict[str, str]) -> None:
    assert found(tmp_path, machine, files) == (False, emulation.UNTOLD.format("qemu"))
