"""What the agent reports of the board, once."""

from typing import Dict, List, NamedTuple, Optional


class Facts(NamedTuple):
    """The board as the agent sees it; every field may be unknown.

    `allowed_cores` are the numbers of the cores that the agent may use (affinity, cpuset), `cpu_quota_cores` how many
    of them its control group grants. `virtual` names a virtual machine, `container` a container, where it runs in one.
    `trip_points_c` is for each zone the lowest temperature at which it throttles. `root_noexec`: libraries in the
    agent's folder cannot be loaded, by its file system's mount options. `emulation` is the sign by which the board is
    `emulated`; where it is not, why that cannot be told, None where it can.
    """

    machine: Optional[str] = None
    model: Optional[str] = None
    kernel: Optional[str] = None
    os_name: Optional[str] = None
    l4t: Optional[str] = None
    glibc: Optional[str] = None
    python: Optional[str] = None
    python_executable: Optional[str] = None
    cpu_model: Optional[str] = None
    cpu_count: Optional[int] = None
    cpu_features: List[str] = []
    memory_total_bytes: Optional[int] = None
    memory_available_bytes: Optional[int] = None
    swap_total_bytes: Optional[int] = None
    disk_free_bytes: Optional[int] = None
    load_average_1min: Optional[float] = None
    governor: Optional[str] = None
    cpu_frequency_hz: List[Optional[float]] = []
    temperatures_c: Dict[str, Optional[float]] = {}
    packages: Dict[str, Optional[str]] = {}
    runners: Dict[str, str] = {}
    hostname: Optional[str] = None
    power_mode: Optional[str] = None
    power_sources: Dict[str, str] = {}
    cpu_max_frequency_hz: Optional[float] = None
    kill_user_processes: Optional[bool] = None
    simulated: bool = False
    emulated: bool = False
    gpu_max_frequency_hz: Optional[float] = None
    allowed_cores: List[int] = []
    cpu_quota_cores: Optional[float] = None
    virtual: Optional[str] = None
    container: Optional[str] = None
    trip_points_c: Dict[str, float] = {}
    root_noexec: Optional[bool] = None
    emulation: Optional[str] = None
