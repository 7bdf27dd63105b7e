"""Durations and sizes on the command line: a number with its unit."""

import re
from collections.abc import Mapping

from sis_edge.errors import UsageError

SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def duration_s(option: str, text: str) -> float:
    """Seconds from a text such as "30d".

    >>> duration_s("--older-than", "30d"), duration_s("--older-than", "1.5 h"), duration_s("--sustain", "30m")
    (2592000.0, 5400.0, 1800.0)
    """
    return _value(option, text, SECONDS, "12h or 30d")


def size_bytes(option: str, text: str) -> int:
    """Bytes from a text such as "100MB", in powers of 1000.

    >>> size_bytes("--larger-than", "100MB"), size_bytes("--larger-than", "0.5 kB")
    (100000000, 500)
    """
    return int(_value(option, text, BYTES, "500kB or 100MB"))


def _value(option: str, text: str, units: Mapping[str, int], example: str) -> float:
    match = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,9})?)\s*([A-Za-z]+)\s*", text)
    if match is None or match[2] not in units:
        raise UsageError(
            f"{option} is '{text}', and must be a number with a unit ({', '.join(units)}), such as {example}"
        )
    return float(match[1]) * units[match[2]]
