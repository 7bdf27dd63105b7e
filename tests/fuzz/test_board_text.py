"""What a kernel and a board's tools may say: unknown is None, and never the end of the agent."""

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from agent.test_facts import ORIN, write

from sis_agent.board import facts, power_mode, state
from sis_agent.commands import Commands
from sis_agent.power import pi_pmic, tegrastats
from sis_agent.protocol import ProblemError
from sis_agent.runners import sparsity, trtexec_files
from sis_agent.schema import to_json
from sis_agent.tree import Tree

from .fuzz import fuzzed, numbers, odd_bytes, odd_json, odd_lines

STATES = {
    "proc/stat": "cpu  10 0 20 300 4 0 1 2 0 0\ncpu0 5 0 10 150 2 0 0 1 0 0\nintr 7\n",
    "proc/pressure/memory": "some avg10=0.12 avg60=0.00 avg300=0.00 total=0\n",
    "proc/self/status": "Name:\tpython3\nCpus_allowed_list:\t0-3,6\n",
    "proc/self/cgroup": "0::/user.slice\n4:cpu:/a/b\n",
    "sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "passive\n",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "99000\n",
    "sys/class/thermal/cooling_device0/type": "cpufreq-cpu0\n",
    "sys/class/thermal/cooling_device0/cur_state": "1\n",
    "sys/class/devfreq/17000000.ga10b/cur_freq": "306000000\n",
    "sys/class/devfreq/17000000.ga10b/device/load": "500\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/class/hwmon/hwmon0/name": "soctherm_oc\n",
    "sys/class/hwmon/hwmon0/oc1_event_cnt": "3\n",
    "sys/class/dmi/id/sys_vendor": "QEMU\n",
    "var/lib/nvpmodel/status": "pmode:0001\n",
    "etc/nvpmodel.conf": "< POWER_MODEL ID=1 NAME=MODE_10W >\n",
    "etc/systemd/logind.conf": "[Login]\nKillUserProcesses=yes\n",
    "var/lib/dpkg/status": "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 36.4.3-2025\n\n",
    "proc/1/cgroup": "0::/docker/abc\n",
    "proc/self/mountinfo": "1 2 0:1 / / rw - overlay overlay lowerdir=/var/lib/docker/x\n",
}
FILES = ORIN | STATES


def check_board(place: Path, name: str, data: bytes) -> None:
    """Facts and states of a board one of whose files holds anything; they must go into a record."""
    root = place / "board"
    if not root.exists():
        write(root, FILES)
    (root / name).write_bytes(data)
    tree, commands = Tree(str(root)), Commands(str(root))
    found = facts.read(str(root))
    json.dumps(to_json(found), allow_nan=False)
    assert len(found.allowed_cores) <= 100_000
    reader = state.StateReader(tree, commands)
    (root / "proc/stat").write_bytes(data if name == "proc/stat" else b"cpu  20 0 40 600 8 0 1 2 0 0\n")
    json.dumps(to_json(reader.read(1.0)), allow_nan=False)
    write(root, {name: FILES[name], "proc/stat": FILES["proc/stat"]})


@fuzzed(one_in=50, random=numbers)
def test_files_of_the_kernel(place: Path, random: Random) -> None:
    name = random.choice(sorted(FILES))
    check_board(place, name, odd_lines(FILES[name])(random))


TEGRASTATS = (
    "RAM 2448/7620MB (lfb 4x4MB) CPU [1%@1510,2%@1510,off] GR3D_FREQ 0% cpu@48.5C VDD_IN 4123mW/4100mW "
    "VDD_CPU_GPU_CV 700mW/700mW POM_5V_IN 1413/1403\n"
)
PMIC = "    3V7_WL_SW_A current(0)=0.09660000A\n    3V7_WL_SW_V volt(8)=3.71610000V\n EXT5V_V volt(24)=5.15V\n"
MODE = "NVPM ERROR: no permission\nNV Power Mode: MAXN\n0\n"
LOG = Path(__file__).parents[1] / "agent" / "tensorrt" / "logs" / "tensorrt-8.txt"
INSPECTOR = {
    "Layers": [
        "Reformat",
        {
            "Name": "C2 + C2.relu",
            "LayerType": "CaskConvolution",
            "Outputs": [{"Name": "x", "Format/Datatype": "FP16"}],
            "TacticName": "sm80_xmma_fprop_sparse_conv",
            "Metadata": "[ONNX Layer: C2]",
        },
    ],
    "Bindings": ["input"],
}
TIMES = [{"startMs": 1.0, "h2dMs": 0.1, "computeMs": 1.5, "d2hMs": 0.1}]
OUTPUTS = [{"name": "logits", "dimensions": "2x3", "values": [1.0, 2, 3, 4, 5, 6]}]


def check_tools(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for value in tegrastats.parse(text).values():
        assert math.isfinite(value)
    assert all(math.isfinite(value) for value in pi_pmic.parse(text).power_w.values())
    power_mode.parse(text)
    sparsity.from_log(text.splitlines())


def check_trtexec(text: str) -> None:
    json.dumps(sparsity.summary(sparsity.from_log([]), sparsity.from_inspector(text)), allow_nan=False)
    for parse in (
        trtexec_files.parse_times,
        trtexec_files.parse_outputs,
        lambda written: trtexec_files.parse_logits(written, 2),
    ):
        try:
            parse(text)
        except ProblemError as error:
            is_known(error)


def is_known(error: ProblemError) -> None:
    assert error.problem.code in ("run-failed", "bad-model")


@pytest.mark.parametrize("said", [TEGRASTATS, PMIC, MODE, LOG.read_text()[:3000]], ids=["jetson", "pi", "mode", "log"])
@fuzzed(random=numbers)
def test_tools(said: str, random: Random) -> None:
    check_tools(odd_lines(said)(random))


@pytest.mark.parametrize("document", [INSPECTOR, TIMES, OUTPUTS], ids=["inspector", "times", "outputs"])
@fuzzed(one_in=10, random=numbers)
def test_files_of_trtexec(document: Any, random: Random) -> None:
    if random.randint(0, 1):
        check_trtexec(odd_json(document)(random))
    else:
        check_trtexec(odd_bytes(json.dumps(document).encode())(random).decode("utf-8", "replace"))
