"""Power sources on small trees of their own: rails by name, units, signs, disconnected rails, wrap-around."""

import errno
import json
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sis_agent import power
from sis_agent.commands import Commands
from sis_agent.measure.sampler import Recorder
from sis_agent.power import pi_pmic, rapl, tegrastats
from sis_agent.power.base import READS, FileSource, NumberFile, Source, UnavailableError, checked
from sis_agent.power.replay import Replay
from sis_agent.schema import Power, PowerRequest, PowerTrace
from sis_agent.tree import Tree


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def sources(root: Path, *kinds: str, total: tuple[str, ...] = ()) -> list[Source]:
    found, _ = power.open_sources(PowerRequest(list(kinds), list(total)), Tree(str(root)), Commands(str(root)))
    return found


def tool(root: Path, name: str, script: str) -> None:
    path = root / "usr/bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def ina3221(index: int, place: str, labels: list[str]) -> dict[str, str]:
    base = f"sys/class/hwmon/hwmon{index}"
    files = {f"{base}/name": "ina3221", f"{base}/update_interval": "36", f"{base}/device/place": place}
    for channel, label in enumerate(labels, 1):
        files[f"{base}/in{channel}_label"] = label
        files[f"{base}/in{channel}_input"] = "5000"
        files[f"{base}/curr{channel}_input"] = str(100 * channel)
    files[f"{base}/in7_label"], files[f"{base}/in7_input"] = "sum of shunt voltages", "1"
    return files


def test_ina3221_through_hwmon(tmp_path: Path) -> None:
    write(tmp_path, ina3221(7, "1-0040", ["VDD_IN", "NC", ""]))
    write(tmp_path, {"sys/class/hwmon/hwmon0/name": "cpu_thermal"})
    (source,) = sources(tmp_path, "ina3221")
    assert source.read() == {"VDD_IN": pytest.approx(0.5)}
    assert source.update_interval_s == pytest.approx(0.036)
    assert [name.split(" ")[0] for name in source.skipped_rails] == ["NC", "unnamed"]
    (tmp_path / "sys/class/hwmon/hwmon7/curr1_input").write_text("-80\n")
    assert source.read() == {"VDD_IN": pytest.approx(-0.4)}
    (tmp_path / "sys/class/hwmon/hwmon7/curr1_input").write_text("")
    assert source.read() == {"VDD_IN": None}
    source.close()


def test_a_rail_that_is_switched_off_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, ina3221(0, "1-0040", ["A", "B", "C"]) | {"sys/class/hwmon/hwmon0/in2_enable": "0"})
    (source,) = sources(tmp_path, "ina3221")
    assert source.rails == ["A", "C"]


def test_two_chips_with_the_same_rail(tmp_path: Path) -> None:
    for index, place in ((4, "1-0041"), (2, "1-0040")):
        write(tmp_path, {f"sys/devices/{place}/modalias": "x"})
        write(tmp_path, {k: v for k, v in ina3221(index, place, ["VDD", "NC", "NC"]).items() if "/device/" not in k})
        (tmp_path / f"sys/class/hwmon/hwmon{index}/device").symlink_to(tmp_path / "sys/devices" / place)
    (source,) = sources(tmp_path, "ina3221")
    assert source.rails == ["VDD", "VDD (1-0041)"]


def test_ina3221_through_iio(tmp_path: Path) -> None:
    base = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/"
    write(tmp_path, {base + "rail_name_0": "POM_5V_IN", base + "in_power0_input": "-1234", base + "rail_name_1": "NC"})
    (source,) = sources(tmp_path, "ina3221")
    assert source.read() == {"POM_5V_IN": pytest.approx(-1.234)}
    assert source.update_interval_s is None


def test_ina238_hwmon_and_which_comes_first(tmp_path: Path) -> None:
    base = "sys/class/hwmon/hwmon3/"
    write(tmp_path, ina3221(2, "2-0040", ["VDD_GPU", "NC", "NC"]))
    write(tmp_path, {base + "name": "ina238", base + "power1_input": "15004000"})
    write(
        tmp_path,
        {
            "sys/class/hwmon/hwmon1/name": "power_meter",
            "sys/class/hwmon/hwmon1/power1_average": "94000000",
            "sys/class/hwmon/hwmon1/power1_average_interval": "1000",
            "sys/class/hwmon/hwmon1/power1_average_max": "1",
        },
    )
    found = sources(tmp_path, "ina3221", "ina238", "hwmon", total=("VIN",))
    assert [source.kind for source in found] == ["ina238", "ina3221", "hwmon"]
    assert found[0].read() == {"VIN": pytest.approx(15.004)}
    assert found[2].read() == {"power_meter power1": pytest.approx(94.0)}
    assert found[2].update_interval_s == pytest.approx(1.0)


RANGE_UJ = 1_000_000


@given(st.lists(st.integers(0, RANGE_UJ - 1), min_size=1, max_size=30), st.integers(0, RANGE_UJ - 1))
def test_rapl_undoes_the_wrap_around(steps: list[int], start: int) -> None:
    counter = [start]

    class Counter:
        fault = None

        def read(self) -> float:
            return counter[0] * 1e-6

    source = rapl.Rapl([("package-0", [Counter()])], {"package-0": RANGE_UJ * 1e-6})  # type: ignore[list-item]
    assert source.read() == {"package-0": 0}
    total = 0
    for step in steps:
        counter[0] = (counter[0] + step) % RANGE_UJ
        total += step
        assert source.read()["package-0"] == pytest.approx(total * 1e-6, abs=1e-9)


def test_rapl_zones_and_a_counter_that_is_forbidden(tmp_path: Path) -> None:
    base = "sys/class/powercap/intel-rapl:0"
    names = {"": "package-0", ":0": "core", ":1": "dram"}
    write(tmp_path, {f"{base}{end}/name": name for end, name in names.items()})
    tree, commands = Tree(str(tmp_path)), Commands(str(tmp_path))
    assert "root" in power.find(tree, commands)["rapl"]
    write(tmp_path, {f"{base}{end}/energy_uj": "5000000" for end in names})
    (source,) = sources(tmp_path, "rapl")
    assert source.counts_energy
    assert source.rails == ["package-0", "package-0/core", "package-0/dram"]
    # Without a known range it cannot be told how much went by.
    write(tmp_path, {f"{base}/energy_uj": "1"})
    assert source.read()["package-0"] is None


@pytest.mark.parametrize(
    ("line", "watts"),
    [
        (
            "RAM 2015/3964MB (lfb 98x4MB) SWAP 29/1982MB (cached 3MB) CPU [6%@102,off] EMC_FREQ 0% GR3D_FREQ 0% "
            "PLL@28C thermal@31.25C POM_5V_IN 1388/1390 POM_5V_GPU 122/122",
            {"POM_5V_IN": 1.388, "POM_5V_GPU": 0.122},
        ),
        (
            "APE 150 MTS fg 1% bg 1% MCPU@42.5C VDD_SYS_GPU 182/182 VDD_IN 5297/5297",
            {"VDD_SYS_GPU": 0.182, "VDD_IN": 5.297},
        ),
        ("07-09-2024 13:31:31 RAM 3168/6851MB GR3D_FREQ 0%@[114] VIC_FREQ 115 VDD_IN 2763mW/2846mW", {"VDD_IN": 2.763}),
        (
            "IRAM 0/252kB(lfb 252kB) GPU 467mW/467mW CPU 0mW/467mW SYS5V 2768mW/2768mW",
            {"GPU": 0.467, "CPU": 0, "SYS5V": 2.768},
        ),
        ("GPU@-256C tj@42.593C VDD_GPU_SOC 2399mW/2399mW NC 0mW/0mW", {"VDD_GPU_SOC": 2.399}),
        ("cpu@52.968C/52.968C VDD_GPU_SOC 5139mW/5140mW/5141mW NC 0mW/0mW/0mW", {"VDD_GPU_SOC": 5.139}),
        ("GR3D_FREQ @[1000,1000] VDD_GPU -392mW/-392mW VIN 15004mW/15096mW", {"VDD_GPU": -0.392, "VIN": 15.004}),
        ("RAM 1/2MB CPU [1%@2,off] cv0@47.156C", {}),
    ],
)
def test_tegrastats_lines(line: str, watts: dict[str, float]) -> None:
    assert tegrastats.parse(line) == pytest.approx(watts)


def test_tegrastats_runs_until_it_is_closed_or_falls_silent(tmp_path: Path) -> None:
    tool(tmp_path, "tegrastats", "echo 'VDD_IN 1000/1000'\necho 'VDD_IN 2000/1500'\nprintf 'VDD_IN 3'\nexec sleep 60\n")
    (source,) = sources(tmp_path, "tegrastats")
    assert source.rails == ["VDD_IN"]
    assert source.read()["VDD_IN"] in (1.0, 2.0)
    assert isinstance(source, tegrastats.Tegrastats)
    source._line_s -= 60
    assert source.read() == {"VDD_IN": None}
    source.close()
    assert source._process.returncode == -9


def test_rails_that_come_with_a_later_line(tmp_path: Path) -> None:
    """The first line of a tegrastats that was just started has no power; one rail comes a line after the other."""
    lines = ["RAM 2505/7775MB CPU [2%@2035] cpu@38.25C", "VDD_IN 4560mW/4560mW", "VDD_IN 1mW/1mW VDD_SOC 2mW/2mW"]
    tool(tmp_path, "tegrastats", "".join(f"echo '{line}'; sleep 0.1\n" for line in lines) + "exec sleep 60\n")
    (source,) = sources(tmp_path, "tegrastats")
    source.close()
    assert source.rails == ["VDD_IN", "VDD_SOC"]


@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("while :; do echo 'RAM 1/2MB cpu@38C'; sleep 0.05; done", "prints no power on this board"),
        ("echo 'must run as root' >&2; exit 1", "ended at once, saying: must run as root"),
        ("exit 1", "ended at once"),
    ],
)
def test_tegrastats_without_power(
    tmp_path: Path, script: str, said: str, user: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(tegrastats, "POWER_S", 0.3)
    tool(tmp_path, "tegrastats", script)
    reason = power.find(Tree(str(tmp_path)), Commands(str(tmp_path)))["tegrastats"]
    assert reason.startswith("tegrastats " + said)
    assert reason.endswith("log in as root") == (user != 0)


def test_a_chip_that_errs_at_first(tmp_path: Path) -> None:
    """Asleep or just bound: its file holds nothing for a moment."""
    write(tmp_path, ina3221(2, "1-0040", ["VDD_IN", "NC", "NC"]))
    current = tmp_path / "sys/class/hwmon/hwmon2/curr1_input"
    for text in ("", None):
        current.write_text("") if text is not None else current.unlink()
        waker = threading.Timer(0.2, lambda: current.write_text("1000\n"))
        waker.start()
        (source,) = sources(tmp_path, "ina3221")
        assert source.read() == {"VDD_IN": 5.0}
        waker.join()
        source.close()


def test_a_chip_that_appears_late(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    write(ready, ina3221(2, "1-0040", ["VDD_IN", "NC", "NC"]))
    root = tmp_path / "board"
    root.mkdir()
    tool(root, "tegrastats", "echo started >> $(dirname $0)/ran; exit 1\n")
    binder = threading.Timer(0.5, lambda: (ready / "sys").rename(root / "sys"))
    binder.start()
    (source,) = sources(root, "ina3221", "tegrastats")
    binder.join()
    assert source.read() == {"VDD_IN": 0.5}
    assert (root / "usr/bin/ran").read_text() == "started\n", "a tool that does not work is not started again"


def test_a_chip_that_is_forbidden_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for number, pauses in ((errno.EACCES, 0), (errno.EAGAIN, READS - 1)):
        file = NumberFile("x", 1.0)
        monkeypatch.setattr(file, "read", lambda: None)
        file.fault, file.error = os.strerror(number), number
        slept.clear()
        with pytest.raises(UnavailableError, match=os.strerror(number)):
            checked(FileSource([("A", [file])], [], None))
        assert len(slept) == pauses


def test_a_tool_is_only_run_where_nothing_better_is_there(tmp_path: Path) -> None:
    write(tmp_path, ina3221(0, "1-0040", ["VDD_IN", "NC", "NC"]))
    tool(tmp_path, "tegrastats", "touch $(dirname $0)/ran; echo VDD_IN 1/1\n")
    assert [source.kind for source in sources(tmp_path, "ina3221", "tegrastats")] == ["ina3221"]
    assert not (tmp_path / "usr/bin/ran").exists()


def test_the_pi_s_chip_pairs_by_name() -> None:
    reading = pi_pmic.parse(
        " 3V7_WL_SW_A current(0)=0.01000000A\n    VDD_CORE_A current(7)=6.00000000A\n"
        "  VDD_CORE_V volt(15)=0.90000000V\n 3V7_WL_SW_V volt(8)=3.70000000V\n    EXT5V_V volt(24)=5.15320000V\n"
    )
    assert reading.power_w == pytest.approx({"3V7_WL_SW": 0.037, "VDD_CORE": 5.4})
    assert reading.skipped == ["EXT5V"]


def test_a_pi_4_says_why_it_has_no_rails(tmp_path: Path) -> None:
    tool(tmp_path, "vcgencmd", "echo 'error=1 error_msg=\"Command not registered\"'; exit 255\n")
    reason = power.find(Tree(str(tmp_path)), Commands(str(tmp_path)))["pi-pmic"]
    assert "Command not registered" in reason


def test_replay_holds_and_ends(tmp_path: Path) -> None:
    now = [100.0]
    source = Replay([0.0, 1.0, 2.0], {"A": [1.0, None, 3.0]}, 1.0, lambda: now[0])
    said = []
    for now[0] in (100.0, 100.9, 101.5, 102.9, 103.5):
        said.append(source.read()["A"])
    assert said == [1.0, 1.0, None, 3.0, None]
    tree, commands = Tree(str(tmp_path)), Commands(str(tmp_path))
    data = {"rails": ["A"], "update_interval_s": 0.1, "times_s": [0, 1], "power_w": {"A": [1.5, 2.5]}}
    write(tmp_path, {"recorded/power.json": json.dumps(data)})
    assert power.find(tree, commands)["replay"] == "available"
    write(tmp_path, {"recorded/power.json": json.dumps(data | {"times_s": [0]})})
    assert "cannot be read" in power.find(tree, commands)["replay"]
    assert "real board" in power.find(Tree("/"), Commands("/"))["replay"]


def test_no_sensor_gives_every_reason(tmp_path: Path) -> None:
    found, reason = power.open_sources(
        PowerRequest(["ina3221", "abacus"]), Tree(str(tmp_path)), Commands(str(tmp_path))
    )
    assert found == []
    assert reason is not None
    assert "INA3221" in reason
    assert "unknown power sensor 'abacus'" in reason
    record = power.to_record(PowerRequest(), [], reason)
    assert (record.status, record.reason) == ("unavailable", reason)


@pytest.mark.parametrize(("rule", "claimed"), [(["VDD_IN"], ["VDD_IN"]), (["VIN"], []), ([], [])])
def test_a_total_only_by_a_rule_that_fits(rule: list[str], claimed: list[str]) -> None:
    trace = PowerTrace("ina3221", ["VDD_IN"], [0.0], {"VDD_IN": [1.0]}, {}, None, 0.1)
    record = power.to_record(PowerRequest(total_rails=rule, scope="module" if rule else None), [trace], None)
    assert record.total_rails == claimed
    assert (record.reason is None) == bool(claimed)


def rapl_trace(values_uj: list[int], range_uj: int | None = 262143328850, step_s: float = 1.0) -> Power:
    """What a record says of a counter that shows these values, one a second."""
    now, shown = [0.0], [0]

    class Counter:
        fault = None

        def read(self) -> float:
            return shown[0] * 1e-6

    range_j = None if range_uj is None else range_uj * 1e-6
    source = rapl.Rapl([("package-0", [Counter()])], {"package-0": range_j}, None, lambda: now[0])  # type: ignore[list-item]
    recorder = Recorder(source, 0.0, lambda: now[0])
    for value in values_uj:
        shown[0] = value
        recorder.sample()
        now[0] += step_s
    request = PowerRequest(["rapl"], ["package-0"], "package")
    return power.to_record(request, [recorder.trace()], None, source.faults)


STEADY_UJ = [5_000_000 + 64_000_000 * second for second in range(12)]


@pytest.mark.parametrize(
    ("values_uj", "words"),
    [
        ([0] * 12, "stands still, as in a virtual machine"),
        ([7_000_000] * 12, "stands still"),
        (
            [194127997354, 45766381128, 45831036419, 45895297790, 194961270917, 46025818025, 195088717917],
            "two counters share its file",
        ),
        ([45895297790, 194961270917, 195088717917], "rose by 149,066 J"),
        ([*STEADY_UJ, *STEADY_UJ], "began anew"),
        ([*STEADY_UJ, 300_000_000_000], "more than its range"),
    ],
)
def test_a_counter_that_cannot_be_a_board_s_energy_is_unavailable(values_uj: list[int], words: str) -> None:
    record = rapl_trace(values_uj)
    assert record.status == "unavailable"
    assert words in (record.reason or "")
    assert len(record.traces[0].times_s) == len(values_uj)  # the samples are kept


def test_a_wrap_around_is_undone_and_the_power_is_right() -> None:
    values_uj = [(262143328850 - 100_000_000 + 64_000_000 * second) % 262143328850 for second in range(12)]
    record = rapl_trace(values_uj)
    assert record.status == "measured"
    assert record.traces[0].energy_j["package-0"][-1] == pytest.approx(64 * 11)


def test_a_decrease_is_judged_by_the_power_limit_of_the_constraint(tmp_path: Path) -> None:
    base = "sys/class/powercap/intel-rapl:0"
    names = {
        "name": "package-0", "energy_uj": "262143000000", "max_energy_range_uj": "262143328850",
        "constraint_0_power_limit_uw": "65000000", "constraint_1_power_limit_uw": "100000000",
    }  # fmt: skip
    for after_uj, is_a_wrap in (("150000000", True), ("400000000", False)):  # 150 J in a second, and 400 J
        write(tmp_path, {f"{base}/{name}": text for name, text in names.items()})
        (source,) = sources(tmp_path, "rapl")
        source.read()
        write(tmp_path, {f"{base}/energy_uj": after_uj})
        assert (source.read()["package-0"] is not None) == is_a_wrap
        assert ("package-0" in source.faults) != is_a_wrap


def power_trace(values_w: list[float | None]) -> PowerTrace:
    return PowerTrace(
        "ina3221", ["VDD_IN"], [0.1 * at for at in range(len(values_w))], {"VDD_IN": values_w}, {}, None, 0.1
    )


@pytest.mark.parametrize(
    ("watts", "words"),
    [
        (0.0, "draws more than 0"),
        (-0.4, "draws more than 0"),
        (0.4, "less than this board draws at rest (1 W)"),
        (31.0, "more than this board can draw (30 W)"),
        (1.0, None),
        (30.0, None),
    ],
)
def test_every_sensor_is_held_to_the_board_s_limits(watts: float, words: str | None) -> None:
    request = PowerRequest(total_rails=["VDD_IN"], scope="module", floor_w=1.0, max_w=30.0)
    record = power.to_record(request, [power_trace([watts, None, watts, watts])], None)
    assert record.status == ("measured" if words is None else "unavailable")
    assert words is None or words in (record.reason or "")


def test_without_limits_nothing_above_2_kilowatts_is_a_board() -> None:
    request = PowerRequest(total_rails=["VDD_IN"], scope="module")
    assert power.to_record(request, [power_trace([1999.0] * 3)], None).status == "measured"
    record = power.to_record(request, [power_trace([52897.0] * 3)], None)
    assert "52,897.0 W, more than any board draws" in (record.reason or "")


def test_gain_errors_come_from_the_data_sheet_or_the_profile(tmp_path: Path) -> None:
    write(tmp_path, ina3221(0, "1-0040", ["VDD_IN", "NC", "NC"]))
    (source,) = sources(tmp_path, "ina3221")
    assert source.gain_error == pytest.approx(0.005)
    trace = Recorder(source, 0.0).trace()
    assert trace.gain_error == pytest.approx(0.005)
    of_profile = power.to_record(PowerRequest(total_rails=["VDD_IN"], gain_error=0.02), [trace], None)
    assert of_profile.traces[0].gain_error == 0.02
    write(tmp_path, {"sys/class/hwmon/hwmon5/name": "abacus", "sys/class/hwmon/hwmon5/power1_input": "94000000"})
    (unknown,) = sources(tmp_path, "hwmon")
    assert unknown.gain_error is None
