"""Files as meters and their tools write them: each the same recording, 5 W at rest and 6 W at work."""

from pathlib import Path

import numpy as np
import pytest

from sis_edge.errors import UsageError
from sis_edge.results import meter
from sis_edge.results.meter.columns import column

FILES: dict[str, str] = {
    "joulescope": "#time,current,voltage,power,charge,energy\n0.0,1.0,5.0,5.0,0,0\n"
    "0.5,1.0,5.0,5.0,1,1\n1.0,1.2,5.0,6.0,2,2\n",
    "otii": "Timestamp (s),Main current (A),Main voltage (V),Main power (W)\n0,1,5,5\n0.5,1,5,5\n1,1.2,5,6\n",
    "otii without power": '"Timestamp (s)","Main current (A)","Main voltage (V)"\n0,1,5\n0.5,1,5\n1,1.2,5\n',
    "monsoon": "Time(s),Main(mA),USB(mA),Aux(mA),Main Voltage(V),USB Voltage(V),\n"
    "0,1000,0,0,5,0,\n0.5,1000,0,0,5,0,\n1,1200,0,0,5,0,\n",
    "ina219": "Time (ms),Bus Voltage (V),Shunt Voltage (mV),Current (mA),Power (mW)\n"
    "0,5,100,1000,5000\n500,5,100,1000,5000\n1000,5,120,1200,6000\n",
    "ina226 by underscores": "time_us,bus_voltage_V,current_mA\n0,5,1000\n500000,5,1000\n1000000,5,1200\n",
    "fnirsi": "timestamp sample_in_packet voltage_V current_A dp_V dn_V temp_C_ema energy_Ws capacity_As\n"
    "1700000000.0 0 5 1 0.1 0.1 30 0 0\n1700000000.5 1 5 1 0.1 0.1 30 1 1\n1700000001.0 2 5 1.2 0.1 0.1 30 2 2\n",
    "um25c": "Date,Time,Voltage (V),Current (A),Power (W),Temperature (C)\n"
    "22/11/2026,23:59:59.5,5,1,5,30\n23/11/2026,00:00:00,5,1,5,30\n23/11/2026,00:00:00.5,5,1.2,6,30\n",
    "semicolons and decimal commas": "Zeit [s];Leistung [W]\n0,0;5,0\n0,5;5,0\n1,0;6,0\n",
    "tabs": "time_s\tpower_w\n0\t5\n0.5\t5\n1\t6\n",
    "quoted decimal commas": 'Time (s),Power (W)\n"0,0","5,0"\n"0,5","5,0"\n"1,0","6,0"\n',
    "comments": "# made by a logger\n# board: nano\n\ntime_s,power_w\n# begins\n0,5\n0.5,5\n# a pause\n1,6\n",
    "out of range": "time_s,power_w\n0,5\n0.25,OL\n0.5,5\n0.75,----\n1,6\n",
    "micro sign": "Time (µs),Power (µW)\n0,5000000\n500000,5000000\n1000000,6000000\n",
    "am and pm": "Timestamp,Power (W)\n"
    "11/22/2026 11:59:59.5 AM,5\n11/22/2026 12:00:00.0 PM,5\n11/22/2026 12:00:00.5 PM,6\n",
    "local dates": "Datum;Leistung (mW)\n"
    "22.11.2026 20:50:12,5;5000\n22.11.2026 20:50:13,0;5000\n22.11.2026 20:50:13,5;6000\n",
    "clocks go back": "time,power_w\n2026-10-25 02:59:59.5,5\n2026-10-25 02:00:00,5\n2026-10-25 02:00:00.5,6\n",
    "clocks go on": "time,power_w\n2026-03-29 01:59:59.5,5\n2026-03-29 03:00:00,5\n2026-03-29 03:00:00.5,6\n",
    "iso with a zone": "time,power_w\n"
    "2026-11-22T20:50:12+01:00,5\n2026-11-22T20:50:12.5+01:00,5\n2026-11-22T20:50:13+01:00,6\n",
    "milliseconds since 1970": "timestamp,power_w\n1795000000000,5\n1795000000500,5\n1795000001000,6\n",
    "a counter that runs over": "micros,power_w\n4294467296,5\n0,5\n500000,6\n",
    "a row that was cut off": "time_s,power_w\n0,5\n0.5,5\n1,6\n1.5\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_as_its_meter_writes_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "meter.csv"
    path.write_text(FILES[name], encoding="utf-8")
    found = meter.read_csv(path)
    assert (found.times_s - found.times_s[0]).tolist() == pytest.approx([0, 0.5, 1.0], abs=1e-6)
    assert found.power_w.tolist() == pytest.approx([5, 5, 6])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "meter.csv"
    path.write_text(FILES["micro sign"], encoding=encoding)
    assert meter.read_csv(path).power_w.tolist() == pytest.approx([5, 5, 6])


def test_a_current_alone_needs_the_supply_s_voltage(tmp_path: Path) -> None:
    path = tmp_path / "ppk2.csv"
    path.write_text("Timestamp(ms),Current(uA),D0-D7\n0,1000000,00\n500,1000000,00\n1000,1200000,00\n")
    with pytest.raises(UsageError, match=r"current \('Current\(uA\)'\) and no voltage: .*--voltage"):
        meter.read_csv(path)
    found = meter.read_csv(path, voltage_v=5.0)
    assert found.times_s.tolist() == [0, 0.5, 1.0]
    assert found.power_w.tolist() == pytest.approx([5, 5, 6])
    assert meter.read_csv(path, power="Current(uA)", voltage_v=5.0).power_w.tolist() == pytest.approx([5, 5, 6])
    with pytest.raises(UsageError, match=r"--unit is that of a power, and .*ppk2.csv has a current"):
        meter.read_csv(path, voltage_v=5.0, watts=0.001)
    # A current is never taken for a power.
    with pytest.raises(UsageError, match="no voltage"):
        meter.read_csv(path, power="Current(uA)")
    path.write_text("time_s,power_w\n0,5\n1,6\n")
    with pytest.raises(
        UsageError, match=r"--voltage is for a meter that records a current, and .*ppk2.csv has a power"
    ):
        meter.read_csv(path, voltage_v=5.0)


def test_a_named_column_and_a_named_unit_come_first(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("time_s,power_w,other\n0,1,5000\n1,1,6000\n")
    assert meter.read_csv(path, power="other", watts=1e-3).power_w.tolist() == pytest.approx([5, 6])
    with pytest.raises(UsageError, match="has no column 'else'; it has: time_s, power_w, other"):
        meter.read_csv(path, power="else")
    path.write_text("time_s,volts,power_w\n0,5,1\n1,5,1\n")
    with pytest.raises(UsageError, match="is a voltage by its unit, not a power"):
        meter.read_csv(path, power="volts")


def test_two_powers_are_ambiguous(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("time_s,board (W),monitor (W)\n0,1,5\n1,1,6\n")
    with pytest.raises(UsageError, match="several columns of power: 'board \\(W\\)', 'monitor \\(W\\)'"):
        meter.read_csv(path)
    path.write_text("time_s,avg (W),max (W),min (W)\n0,5,9,1\n1,5,9,1\n")
    assert meter.read_csv(path).power_w.tolist() == [5, 5]


@pytest.mark.parametrize(
    ("heading", "quantity", "scale"),
    [
        ("Power(mW)", "power", 1e-3),
        ("P [W]", "power", 1.0),
        ("power_w", "power", 1.0),
        ("Current in mA", "current", 1e-3),
        ("voltage_V", "voltage", 1.0),
        ("Timestamp(ms)", "time", 1e-3),
        ("t", "time", 1.0),
        ("energy (mWh)", None, 1.0),
        ("capacity_As", None, 1.0),
        ("D+ (V)", None, 1.0),
        ("shunt_voltage_mV", None, 1.0),
        ("temp_C", None, 1.0),
    ],
)
def test_headings(heading: str, quantity: str | None, scale: float) -> None:
    found = column(heading, 0)
    assert (found.quantity, found.scale) == (quantity, scale)


def test_jitter_is_sorted_and_a_step_back_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("time_s,power_w\n0,5\n0.2,7\n0.1,6\n0.3,8\n")
    found = meter.read_csv(path)
    assert found.times_s.tolist() == [0, 0.1, 0.2, 0.3]
    assert found.power_w.tolist() == [5, 6, 7, 8]
    path.write_text("time_s,power_w\n0,5\n9,7\n1,6\n")
    with pytest.raises(UsageError, match="steps back by 8 s, to 1 s"):
        meter.read_csv(path)


def test_readings_within_a_millisecond_are_averaged_and_lose_no_energy(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    rows = [f"{at / 5000:.4f},{4 + at % 5}" for at in range(20_000)]
    path.write_text("time_s,power_w\n" + "\n".join(rows) + "\n")
    found = meter.read_csv(path)
    assert 3999 <= len(found.times_s) <= 4001
    assert np.mean(found.power_w) == pytest.approx(6.0)


def test_words_where_numbers_belong_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("a log\ntime_s,power_w\n0,5\n0.5,5\n1,lots\n")
    with pytest.raises(UsageError, match="line 5: could not convert 'lots'"):
        meter.read_csv(path)
    path.write_text("time_s,note,power_w\n0,5\n0.5,a,5\n1,b,5\n")
    with pytest.raises(UsageError, match="line 2 has no field 3"):
        meter.read_csv(path)
    path.write_text("time,power_w\n12:00:00,5\nnoon,5\n")
    with pytest.raises(UsageError, match="'noon' is not a time"):
        meter.read_csv(path)
