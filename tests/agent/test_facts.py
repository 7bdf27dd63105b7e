import os
import struct
from pathlib import Path

import pytest

from sis_agent import inventory
from sis_agent.board import cpu, facts
from sis_agent.tree import Tree


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


ORIN = {
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/sys/kernel/osrelease": "5.15.148-tegra\n",
    "proc/sys/kernel/arch": "aarch64\n",
    "proc/sys/kernel/hostname": "orin\n",
    "proc/loadavg": "0.52 0.58 0.59 1/257 1234\n",
    "proc/meminfo": "MemTotal:        7802108 kB\nMemFree: 1 kB\nMemAvailable:    5000000 kB\nSwapTotal:       0 kB\n",
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nFeatures\t: fp asimd fphp asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n\n"
        for core in range(6)
    ),
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: x\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1510400\n",
    "sys/devices/system/cpu/cpu10/cpufreq/scaling_cur_freq": "729600\n",
    "sys/devices/system/cpu/cpu2/topology/core_id": "2\n",
    "sys/devices/system/cpu/cpuidle/current_driver": "psci\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48531\n",
    "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "-1500\n",
    "sys/class/thermal/thermal_zone2/type": "cv0-thermal\n",
}


def test_a_recorded_board(tmp_path: Path) -> None:
    write(tmp_path, ORIN)
    found = facts.read(root=str(tmp_path))
    assert found.simulated
    assert not found.emulated
    assert found.machine == "aarch64"
    assert found.model == "NVIDIA Jetson Orin Nano Developer Kit"
    assert (found.kernel, found.hostname) == ("5.15.148-tegra", "orin")
    assert (found.os_name, found.l4t) == ("Ubuntu 22.04.5 LTS", "36.4.3")
    assert (found.cpu_model, found.cpu_count) == ("Cortex-A78AE", 6)
    assert "asimddp" in found.cpu_features
    assert found.memory_total_bytes == 7802108 * 1024
    assert found.memory_available_bytes == 5000000 * 1024
    assert found.swap_total_bytes == 0
    assert found.load_average_1min == 0.52
    assert found.governor == "schedutil"
    # In the cores' numeric order; a core without cpufreq (offline) is unknown.
    assert found.cpu_frequency_hz == [1510400e3, None, 729600e3]
    assert found.temperatures_c == {
        "cpu-thermal": pytest.approx(48.531),
        "cpu-thermal (thermal_zone1)": -1.5,
        "cv0-thermal": None,
    }


def test_an_empty_tree_is_all_unknown(tmp_path: Path) -> None:
    found = facts.read(root=str(tmp_path))
    for name in ("machine", "model", "kernel", "os_name", "l4t", "glibc", "cpu_model", "cpu_count", "swap_total_bytes"):
        assert getattr(found, name) is None
    assert found.load_average_1min is None
    assert (found.cpu_features, found.cpu_frequency_hz, found.temperatures_c) == ([], [], {})


def test_this_machine(tmp_path: Path) -> None:
    found = facts.read(disk=str(tmp_path / "not" / "yet" / "there"))
    assert not found.simulated
    assert found.cpu_count == len(os.sched_getaffinity(0))
    assert found.disk_free_bytes is not None
    assert found.packages["numpy"] == pytest.importorskip("numpy").__version__
    assert found.packages["onnxruntime"] == pytest.importorskip("onnxruntime").__version__
    assert "pycuda" not in found.packages


def test_a_sensor_that_sleeps_is_unknown(tmp_path: Path) -> None:
    """A pipe that somebody holds open and writes nothing to answers a read with EAGAIN, as a gated zone does."""
    write(tmp_path, ORIN)
    zone = tmp_path / "sys/class/thermal/thermal_zone0/temp"
    zone.unlink()
    os.mkfifo(zone)
    holder = os.open(zone, os.O_RDWR)
    try:
        assert facts.temperatures_c(Tree(str(tmp_path)))["cpu-thermal"] is None
    finally:
        os.close(holder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# R32 (release), REVISION: 7.6, GCID: 38171779, BOARD: t210ref, EABI: aarch64, DATE: x", "32.7.6"),
        ("# R36 (release), REVISION: 5.0, GCID: 1", "36.5.0"),
        ("something else", None),
        (None, None),
    ],
)
def test_l4t(text: str | None, expected: str | None) -> None:
    assert facts.l4t_version(text) == expected


def test_versions_come_from_names_of_metadata(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime_gpu-1.23.0.dist-info").mkdir()
    (tmp_path / "tensorrt-8.2.1.8.egg-info").mkdir()
    (tmp_path / "numpy-1.19.5-py3.6.egg-info").mkdir()
    (tmp_path / "numpy_typing_compat-1.0.dist-info").mkdir()
    found = facts.package_versions([str(tmp_path), str(tmp_path / "missing")])
    assert found["onnxruntime"] == "1.23.0"
    assert found["tensorrt"] == "8.2.1.8"
    assert found["numpy"] == "1.19.5"


def test_big_and_little_cores_and_an_unknown_part(tmp_path: Path) -> None:
    part = "processor\t: {}\nCPU implementer\t: {}\nCPU part\t: {}\n\n"
    text = part.format(0, "0x41", "0xd07") + part.format(1, "0x4e", "0x003") + part.format(2, "0x99", "0x1")
    write(tmp_path, {"proc/cpuinfo": text})
    found = cpu.read(Tree(str(tmp_path)))
    assert found == ("Cortex-A57 + NVIDIA Denver 2 + ARM implementer 0x99 part 0x1", [], 3)


X86, ARM32, AARCH64 = 62, 40, 183


@pytest.mark.parametrize(
    ("machine", "elf", "expected"),
    [
        ("aarch64", X86, True),
        ("x86_64", AARCH64, True),
        ("aarch64", AARCH64, False),
        ("aarch64", ARM32, False),  # a 32-bit userland on a 64-bit kernel is real
        ("x86_64", X86, False),
        ("alien", X86, False),
        (None, X86, False),
    ],
)
def test_emulation_shows_in_the_kernels_own_link(tmp_path: Path, machine: str | None, elf: int, expected: bool) -> None:
    exe = tmp_path / "proc/thread-self/exe"
    exe.parent.mkdir(parents=True)
    exe.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, elf))
    assert cpu.is_emulated(machine, Tree(str(tmp_path))) is expected


def test_without_the_link_emulation_is_not_claimed(tmp_path: Path) -> None:
    assert not cpu.is_emulated("aarch64", Tree(str(tmp_path)))


DPKG = """Package: libnvinfer-bin
Status: install ok installed
Architecture: arm64
Version: 11.4.1.2-1+cuda13.2
Description: TensorRT binaries
 Package: a line of a description

Package: libnvinfer10
Status: deinstall ok config-files
Version: 10.3.0.30-1+cuda12.5

Package: python3-libnvinfer
Status: install ok installed
Version: 1.0
"""


def test_the_version_of_a_debian_package(tmp_path: Path) -> None:
    write(tmp_path, {"var/lib/dpkg/status": DPKG})
    tree = Tree(str(tmp_path))
    assert facts.debian_version(tree, "libnvinfer-bin") == "11.4.1.2"
    assert facts.debian_version(tree, r"libnvinfer\d+") is None, "removed"
    assert facts.debian_version(tree, "libnvinfer") is None
    assert facts.debian_version(Tree(str(tmp_path / "none")), "libnvinfer-bin") is None


def test_a_board_with_tensorrts_tool_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From TensorRT 11 on its version decides which ONNX goes over."""
    write(tmp_path, {**ORIN, "var/lib/dpkg/status": DPKG})
    assert "tensorrt" not in inventory.read(root=str(tmp_path)).packages
    tool = tmp_path / "bin" / "trtexec"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    assert inventory.read(root=str(tmp_path)).packages["tensorrt"] == "11.4.1.2"
