"""A process's resident memory, from the kernel's own counts."""

import os
from typing import NamedTuple, Optional


class ProcessMemory(NamedTuple):
    """Resident bytes now (VmRSS) and the most that the process ever held (VmHWM); None where /proc does not say."""

    rss_bytes: Optional[int]
    peak_rss_bytes: Optional[int]


def read(root: str = "/", pid: str = "self") -> ProcessMemory:
    """The memory of a process; both fields None where there is no /proc/PID/status."""
    sizes_bytes = {}
    try:
        with open(os.path.join(root, "proc", pid, "status"), encoding="ascii", errors="replace") as status:
            for line in status:
                key, _, value = line.partition(":")
                if key in ("VmRSS", "VmHWM"):
                    sizes_bytes[key] = int(value.split()[0]) * 1024  # the file's unit is kB, meaning KiB
    except (OSError, ValueError, IndexError):
        pass
    return ProcessMemory(sizes_bytes.get("VmRSS"), sizes_bytes.get("VmHWM"))
