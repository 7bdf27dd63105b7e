"""A meter's CSV file: its encoding, separator, decimal sign and heading found, its readings taken in pieces.

pandas parses it, a piece at a time, and readings are averaged as they come (`recording.thinned`): an hour at 5 kHz
takes no more memory than its milliseconds do.
"""

import codecs
import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sis_edge.errors import UsageError
from sis_edge.results.meter.columns import ColumnChoice, MeterColumn, choose
from sis_edge.results.meter.recording import Recording, thinned
from sis_edge.results.meter.stamps import Stamps

CHUNK_ROWS = 1_000_000
HEAD_BYTES = 65536
COMMENTS = ("#", "//", "%")
# Readings that are none: out of range, or not taken.
NONE = [
    "OL",
    "0L",
    "O.L",
    "O.L.",
    "OVL",
    "OVLD",
    "OVERLOAD",
    "----",
    "---",
    "--",
    "-",
    "N/A",
    "NA",
    "nan",
    "NaN",
    "inf",
]
# Stamps that step back by less are jitter of the meter's clock, or of threads that write; by more it is no recording.
JITTER_S = 0.5
_NUMBER = re.compile(r"^[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?$")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?|^\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")


@dataclass(frozen=True)
class FileLayout:
    """How a file is written: its heading and the line that the readings begin at, from 0 on."""

    encoding: str
    separator: str
    decimal: str
    headings: list[str]
    first_line: int


def read_csv(
    path: Path,
    *,
    time: str | None = None,
    power: str | None = None,
    watts: float | None = None,
    voltage_v: float | None = None,
) -> Recording:
    """A recording from a CSV file with a heading line.

    `time` and `power` name the columns where the headings do not say it; `watts` is one of the power's unit (0.001 for
    milliwatts; None: by the heading, else watts). Power may be a current times a voltage, that of a column or
    `voltage_v`. Raises UsageError with the file, the line and what is wrong.
    """
    try:
        layout = _layout(path)
        chosen = choose(str(path), layout.headings, time=time, power=power, voltage_v=voltage_v)
        _check(path, chosen, watts, voltage_v)
        times_s, power_w = _readings(path, layout, chosen, watts)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error})") from None
    if len(times_s) < 2:
        raise UsageError(f"{path} is not a recording: it needs at least two samples, in the order of time")
    return Recording(path.name, times_s, power_w)


def _check(path: Path, chosen: ColumnChoice, watts: float | None, voltage_v: float | None) -> None:
    """Raise UsageError for a unit or a voltage that the columns have no use for."""
    if chosen.power is not None and voltage_v is not None:
        raise UsageError(f"--voltage is for a meter that records a current, and {path} has a power; leave it out")
    if chosen.power is None and watts is not None:
        raise UsageError(f"--unit is that of a power, and {path} has a current; leave it out")


def _layout(path: Path) -> FileLayout:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    encoding = _encoding(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).lstrip("\ufeff")
    lines = text.splitlines()
    if len(head) == HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut off in the middle
    for number, line in enumerate(lines):
        separator = _separator(line)
        fields = _fields(line, separator)
        if _is_data(line, fields):
            headings = _headings(lines[:number], separator, len(fields))
            decimal = "," if any(re.match(r"^[-+]?\d*,\d+$", field) for field in fields) else "."
            return FileLayout(encoding, separator, decimal, headings, number)
    if not any(line.strip() for line in lines):
        raise UsageError(f"{path} has no column 'time_s'; it has: none")
    raise UsageError(f"{path}, line {len(lines)}: below its heading, a line of at least two readings is expected")


def _headings(lines: list[str], separator: str, count: int) -> list[str]:
    """The headings of `count` columns: the nearest line above that has as many, be it a comment; else the nearest."""
    above = [line.strip() for line in reversed(lines) if line.strip()]
    split = [_fields(line.lstrip("#").strip(), separator) for line in above]
    fitting = [fields for fields in split if len(fields) == count]
    plain = [fields for line, fields in zip(above, split, strict=True) if not line.startswith(COMMENTS)]
    return next(iter([*fitting, *plain, *split]), [])


def _encoding(head: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name
    if head[1:200:2].count(0) > len(head[1:200:2]) / 2:
        return "utf-16-le"
    if head[0:200:2].count(0) > len(head[0:200:2]) / 2:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _separator(line: str) -> str:
    return next((sign for sign in (";", "\t", "|", ",") if sign in line), " ")


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def _is_data(line: str, fields: list[str]) -> bool:
    if not line.strip() or line.lstrip().startswith(COMMENTS) or len(fields) < 2:
        return False
    filled = [field for field in fields if field]
    read = [field for field in filled if _NUMBER.match(field) or _TIME.search(field) or field in NONE]
    return bool(filled) and filled[0] in read and len(read) >= len(filled) / 2


def _readings(
    path: Path, layout: FileLayout, chosen: ColumnChoice, watts: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import pandas

    stamps = Stamps(chosen.time.scale, chosen.time.has_unit)
    times, powers = [np.empty(0)], [np.empty(0)]
    row = layout.first_line
    try:
        with _chunks(path, layout, chosen) as chunks:
            for chunk in chunks:
                chunk.index = chunk.index + layout.first_line + 1  # lines of the file, from 1 on
                row = int(chunk.index[-1])
                times_s, power_w = _chunk(chunk, chosen, stamps, watts)
                times_s, power_w = _ordered(path, times_s, power_w, times[-1][-1] if len(times[-1]) else None)
                first = np.diff(times_s, prepend=-np.inf) > 0  # of samples with one stamp
                times_s, power_w = thinned(times_s[first], power_w[first])
                times.append(times_s)
                powers.append(power_w)
    except (ValueError, UnicodeError, pandas.errors.ParserError) as error:
        raise UsageError(f"{path}, up to line {row + 1}: {error}") from None
    all_s, all_w = np.concatenate(times), np.concatenate(powers)
    after = np.append(True, np.diff(all_s) > 0) if len(all_s) else np.empty(0, dtype=bool)
    return all_s[after], all_w[after]


def _chunks(path: Path, layout: FileLayout, chosen: ColumnChoice) -> Any:
    import pandas

    return pandas.read_csv(
        path,
        sep=r"\s+" if layout.separator == " " else layout.separator,
        decimal=layout.decimal,
        encoding=layout.encoding,
        encoding_errors="replace",
        header=None,
        index_col=False,
        skiprows=layout.first_line,
        usecols=sorted({column.place for column in chosen.columns}),
        na_values=NONE,
        comment="#",
        skipinitialspace=True,
        skip_blank_lines=False,
        on_bad_lines="skip" if layout.separator == " " else "error",
        chunksize=CHUNK_ROWS,
        low_memory=False,
    )


def _chunk(
    chunk: Any, chosen: ColumnChoice, stamps: Stamps, watts: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and watts of a piece of the file, readings that are none left out."""
    if missing := [column.place for column in chosen.columns if column.place not in chunk]:
        raise ValueError(f"line {chunk.index[0]} has no field {missing[0] + 1}")
    times_s = stamps.seconds(chunk[chosen.time.place])
    if chosen.power is not None:
        scale = chosen.power.scale if watts is None else watts
        power_w = _numbers(chunk, chosen.power) * scale
    else:
        assert chosen.current is not None
        assert chosen.voltage is not None
        volts = chosen.voltage
        if isinstance(volts, MeterColumn):
            power_w = _numbers(chunk, chosen.current) * chosen.current.scale * _numbers(chunk, volts) * volts.scale
        else:
            power_w = _numbers(chunk, chosen.current) * chosen.current.scale * volts
    known = np.isfinite(times_s) & np.isfinite(power_w)
    return times_s[known], power_w[known]


def _numbers(chunk: Any, column: MeterColumn) -> NDArray[np.float64]:
    import pandas

    values = chunk[column.place]
    if not pandas.api.types.is_numeric_dtype(values):
        numbers = pandas.to_numeric(values.astype("string").str.strip().str.replace(",", "."), errors="coerce")
        wrong = values[numbers.isna() & values.notna()]
        if len(wrong):
            raise ValueError(f"line {wrong.index[0]}: could not convert '{wrong.iloc[0]}' to a number")
        values = numbers
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def _ordered(
    path: Path, times_s: NDArray[np.float64], power_w: NDArray[np.float64], last_s: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """In the order of time, where stamps only jitter; raises UsageError where they step back."""
    if not len(times_s):
        return times_s, power_w
    steps_s = np.diff(times_s, prepend=times_s[0] if last_s is None else last_s)
    if (steps_s >= 0).all():
        return times_s, power_w
    if steps_s.min() <= -JITTER_S:
        back = int(np.argmin(steps_s))
        raise UsageError(
            f"{path} is not a recording in the order of time: it steps back by {-steps_s[back]:g} s, "
            f"to {times_s[back]:g} s"
        )
    order = np.argsort(times_s, kind="stable")
    return times_s[order], power_w[order]
