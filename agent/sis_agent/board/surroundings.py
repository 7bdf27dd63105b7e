"""Whether this system is a virtual machine or a container, by the signs that `systemd-detect-virt` goes by.

In either, clocks, temperatures and sensors may be hidden, or be those of a machine that others share.
"""

import os
import re
from typing import Optional

from sis_agent.board import cpu
from sis_agent.tree import Tree

DMI = "sys/class/dmi/id"
# What the firmware says of its maker -> the hypervisor.
DMI_MAKERS = (
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("Google Compute Engine", "google"),
    ("Amazon EC2", "amazon"),
    ("QEMU", "qemu"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("innotek GmbH", "virtualbox"),
    ("VirtualBox", "virtualbox"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Hyper-V", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("Alibaba Cloud", "kvm"),
    ("DigitalOcean", "kvm"),
    ("Hetzner", "kvm"),
)
DMI_FILES = ("product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version")
# Those whose names are on machines without a hypervisor too: bare-metal servers that are for rent.
ALSO_BARE_METAL = ("amazon", "kvm", "google")
DEVICE_TREE = "proc/device-tree"
UNKNOWN_VM = "vm-other"

_CONTAINER_GROUP = re.compile(r"/(docker|lxc|kubepods|libpod|containerd|garden|podman|buildkit)\b")
_CONTAINER_LAYER = re.compile(r"/(docker|containerd|containers/storage|kubelet|lxc)/")
_OTHER_NAMES = {"kubepods": "kubernetes", "kubelet": "kubernetes", "libpod": "podman", "containers/storage": "podman"}


def virtual(tree: Tree) -> Optional[str]:
    """The hypervisor of a virtual machine; None on a machine of its own, as far as can be seen."""
    flag = "hypervisor" in cpu.read(tree).features
    maker = _by_dmi(tree)
    if maker in ALSO_BARE_METAL and not flag and _is_x86(tree):
        maker = None
    if maker is not None:
        return maker
    kernel = tree.text("proc/sys/kernel/osrelease") or ""
    if "microsoft" in kernel.lower():
        return "wsl"
    if "control_d" in (tree.text("proc/xen/capabilities") or ""):
        return None  # Xen's own first system, which sees the hardware
    xen = tree.text("sys/hypervisor/type")
    return xen or _by_device_tree(tree) or _by_cpuinfo(tree) or (UNKNOWN_VM if flag else None)


def container(tree: Tree) -> Optional[str]:
    """What runs the container that this system is in; None outside of one, as far as can be seen."""
    named = tree.text("run/systemd/container")
    if named:
        return named.split()[0]
    if os.path.exists(tree.path("run/.containerenv")):
        match = re.search(r'engine="([A-Za-z]+)', tree.text("run/.containerenv") or "")
        return match.group(1) if match else "podman"
    if os.path.exists(tree.path(".dockerenv")):
        return "docker"
    for line in tree.lines("proc/1/cgroup"):
        match = _CONTAINER_GROUP.search(line)
        if match:
            return _named(match.group(1))
    match = re.search(r"(?:^|\0)container=([\w-]+)", tree.text("proc/1/environ") or "")  # root alone may read it
    if match:
        return match.group(1)
    if tree.is_real and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if os.path.exists(tree.path("proc/vz")) and not os.path.exists(tree.path("proc/bc")):
        return "openvz"
    return _by_root_layers(tree)


def _by_dmi(tree: Tree) -> Optional[str]:
    texts = [tree.text("{}/{}".format(DMI, name)) or "" for name in DMI_FILES]
    if texts[0] == "Virtual Machine" and "Microsoft" in texts[1]:  # its notebooks have the same maker
        return "microsoft"
    for mark, name in DMI_MAKERS:
        if any(text.startswith(mark) for text in texts):
            return name
    return None


def _by_device_tree(tree: Tree) -> Optional[str]:
    hypervisor = tree.text(DEVICE_TREE + "/hypervisor/compatible") or ""
    for mark, name in (("kvm", "kvm"), ("xen", "xen"), ("vmware", "vmware")):
        if mark in hypervisor:
            return name
    compatible = tree.text(DEVICE_TREE + "/compatible") or ""
    is_qemu = "dummy-virt" in compatible or "qemu" in compatible or bool(tree.names(DEVICE_TREE, "fw-cfg"))
    return "qemu" if is_qemu else (UNKNOWN_VM if hypervisor else None)


def _by_cpuinfo(tree: Tree) -> Optional[str]:
    return "uml" if re.search(r"^vendor_id\s*: User Mode Linux", tree.text("proc/cpuinfo") or "", re.M) else None


def _is_x86(tree: Tree) -> bool:
    return bool(re.search(r"^flags\s*:", tree.text("proc/cpuinfo") or "", re.M))


def _by_root_layers(tree: Tree) -> Optional[str]:
    """A container's root is an overlay whose layers are its engine's; a read-only system's overlay has others."""
    for line in tree.lines("proc/self/mountinfo"):
        fields = line.split()
        if len(fields) > 9 and fields[4] == "/" and " - overlay " in line:
            match = _CONTAINER_LAYER.search(line)
            return _named(match.group(1)) if match else None
    return None


def _named(mark: str) -> str:
    return _OTHER_NAMES.get(mark, mark)
