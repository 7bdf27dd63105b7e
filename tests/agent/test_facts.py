import os
import struct
from pathlib import Path

import pytest

from sis_agent import inventory
from sis_agent.board import cpu, facts, limits, surroundings, thermal
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
        assert thermal.temperatures_c(Tree(str(tmp_path)))["cpu-thermal"] is None
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


def test_l4t_of_a_container_by_its_package(tmp_path: Path) -> None:
    """Its file is there and empty, as a container's is where nothing is mounted over it."""
    package = "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.3-20250107174145\n\n"
    write(tmp_path, {"etc/nv_tegra_release": "", "var/lib/dpkg/status": package})
    assert facts.read(root=str(tmp_path)).l4t == "36.4.3"
    write(tmp_path, {"etc/nv_tegra_release": ORIN["etc/nv_tegra_release"].replace("4.3", "5.0")})
    assert facts.read(root=str(tmp_path)).l4t == "36.5.0"


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        # The strictest of the groups above counts.
        (
            {
                "proc/self/cgroup": "0::/user.slice/user-1000.slice/a.scope\n",
                "sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
                "sys/fs/cgroup/user.slice/user-1000.slice/cpu.max": "50000 100000",
                "sys/fs/cgroup/user.slice/user-1000.slice/a.scope/cpu.max": "max 100000",
            },
            0.5,
        ),
        # A container that sees the host's path and its own files.
        ({"proc/self/cgroup": "0::/docker/ab12\n", "sys/fs/cgroup/cpu.max": "100000 50000"}, 2.0),
        ({"proc/self/cgroup": "0::/../../b\n", "sys/fs/cgroup/b/cpu.max": "10000 100000"}, 0.1),
        # Version 1, alone and with version 2 beside it.
        (
            {
                "proc/self/cgroup": "5:cpuset:/x\n4:cpu,cpuacct:/docker/ab\n0::/\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_quota_us": "75000",
                "sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            0.75,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/\n0::/x\n",
                "sys/fs/cgroup/unified/x/cpu.max": "300000 100000",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            3.0,
        ),
        ({"proc/self/cgroup": "1:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000"}, None),
    ],
)
def test_the_quota_of_control_groups(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    write(tmp_path, files)
    assert limits.quota_cores(Tree(str(tmp_path))) == cores


def test_the_cores_that_may_be_used(tmp_path: Path) -> None:
    assert limits.allowed_cores(Tree("/")) == sorted(os.sched_getaffinity(0))
    assert limits.allowed_cores(Tree(str(tmp_path))) == []
    write(tmp_path, {"proc/self/status": "Name:\tx\nCpus_allowed:\t4f\nCpus_allowed_list:\t0-3,6\n"})
    assert limits.allowed_cores(Tree(str(tmp_path))) == [0, 1, 2, 3, 6]


X86_VM = "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu sse hypervisor avx\n\n"
X86_METAL = X86_VM.replace(" hypervisor", "")
DMI = "sys/class/dmi/id/"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, None),
        ({"proc/cpuinfo": X86_METAL, DMI + "sys_vendor": "Dell Inc."}, None),
        ({"proc/cpuinfo": X86_VM}, "vm-other"),
        ({"proc/cpuinfo": X86_VM, DMI + "sys_vendor": "QEMU", DMI + "product_name": "Standard PC"}, "qemu"),
        ({"proc/cpuinfo": X86_VM, DMI + "product_name": "KVM", DMI + "sys_vendor": "Red Hat"}, "kvm"),
        ({"proc/cpuinfo": X86_VM, DMI + "sys_vendor": "VMware, Inc."}, "vmware"),
        ({"proc/cpuinfo": X86_VM, DMI + "board_vendor": "innotek GmbH"}, "virtualbox"),
        (
            {DMI + "sys_vendor": "Microsoft Corporation", DMI + "product_name": "Virtual Machine"},
            "microsoft",
        ),
        ({DMI + "sys_vendor": "Microsoft Corporation", DMI + "product_name": "Surface Pro 7"}, None),
        ({"proc/cpuinfo": X86_VM, DMI + "sys_vendor": "Amazon EC2", DMI + "product_name": "c5.large"}, "amazon"),
        ({"proc/cpuinfo": X86_METAL, DMI + "sys_vendor": "Amazon EC2", DMI + "product_name": "c5.metal"}, None),
        ({"proc/cpuinfo": ORIN["proc/cpuinfo"], DMI + "sys_vendor": "Amazon EC2"}, "amazon"),
        ({"proc/cpuinfo": X86_VM, "proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2"}, "wsl"),
        ({"sys/hypervisor/type": "xen\n"}, "xen"),
        ({"sys/hypervisor/type": "xen\n", "proc/xen/capabilities": "control_d\n"}, None),
        ({"proc/device-tree/hypervisor/compatible": "linux,kvm\0"}, "kvm"),
        ({"proc/device-tree/compatible": "linux,dummy-virt\0"}, "qemu"),
        ({"proc/device-tree/compatible": "nvidia,p3768\0nvidia,tegra234\0"}, None),
        ({"proc/cpuinfo": "processor\t: 0\nvendor_id\t: User Mode Linux\n"}, "uml"),
    ],
)
def test_a_virtual_machine_is_seen(tmp_path: Path, files: dict[str, str], name: str | None) -> None:
    write(tmp_path, files)
    assert surroundings.virtual(Tree(str(tmp_path))) == name


OVERLAY = (
    "500 400 0:70 / / rw,relatime master:1 - overlay overlay rw,lowerdir={0}/1/fs,upperdir={0}/2/fs,workdir={0}/w\n"
)


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, None),
        ({"run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": ""}, "podman"),
        ({"run/.containerenv": 'engine="podman-4.9.3"\nname="x"\n'}, "podman"),
        ({"proc/1/cgroup": "4:cpu,cpuacct:/docker/0a1b\n0::/\n"}, "docker"),
        ({"proc/1/cgroup": "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope\n"}, "kubernetes"),
        ({"proc/1/cgroup": "3:cpu:/lxc/web\n"}, "lxc"),
        ({"proc/1/cgroup": "0::/init.scope\n"}, None),
        ({"proc/1/environ": "PATH=/bin\0container=lxc\0HOME=/\0"}, "lxc"),
        ({"proc/1/environ": "PATH=/bin\0mycontainer=lxc\0"}, None),
        ({"proc/vz/x": "", "proc/1/cgroup": "0::/\n"}, "openvz"),
        ({"proc/self/mountinfo": OVERLAY.format("/var/lib/containerd/io.containerd.snapshotter.v1")}, "containerd"),
        ({"proc/self/mountinfo": OVERLAY.format("/media/root-ro")}, None),  # a board with a read-only system
    ],
)
def test_a_container_is_seen(tmp_path: Path, files: dict[str, str], name: str | None) -> None:
    write(tmp_path, files)
    assert surroundings.container(Tree(str(tmp_path))) == name


def test_trip_points_that_cost_speed(tmp_path: Path) -> None:
    zone = "sys/class/thermal/thermal_zone{}/"
    write(
        tmp_path,
        {
            zone.format(0) + "type": "cpu-thermal",
            zone.format(0) + "trip_point_0_type": "active",
            zone.format(0) + "trip_point_0_temp": "50000",
            zone.format(0) + "trip_point_1_type": "passive",
            zone.format(0) + "trip_point_1_temp": "99000",
            zone.format(0) + "trip_point_1_hyst": "2000",
            zone.format(0) + "trip_point_10_type": "hot",
            zone.format(0) + "trip_point_10_temp": "85000",
            zone.format(1) + "type": "cpu-thermal",
            zone.format(1) + "trip_point_0_type": "critical",
            zone.format(1) + "trip_point_0_temp": "110000",
            zone.format(2) + "type": "acpitz",  # switched off by its firmware
            zone.format(2) + "trip_point_0_type": "passive",
            zone.format(2) + "trip_point_0_temp": "-274000",
            zone.format(3) + "type": "fan",
            zone.format(3) + "trip_point_0_type": "active",
            zone.format(3) + "trip_point_0_temp": "40000",
        },
    )
    expected = {"cpu-thermal": 85.0}
    assert thermal.trip_points_c(Tree(str(tmp_path))) == expected
    assert facts.read(root=str(tmp_path)).trip_points_c == expected


def test_the_highest_clock_of_the_gpu(tmp_path: Path) -> None:
    assert inventory.read(root=str(tmp_path)).gpu_max_frequency_hz is None
    write(tmp_path, {"sys/class/devfreq/17000000.gpu/max_freq": "918000000\n"})
    assert inventory.read(root=str(tmp_path)).gpu_max_frequency_hz == 918e6
