"""Measured values in texts that name their limit too."""

import re

MOST_DIGITS = 17


def with_limit(value: float, limit: float, spec: str) -> tuple[str, str]:
    """Value and limit in one format, such as ".1%", with as many more digits as it takes to tell them apart.

    >>> with_limit(0.154, 0.15, ".1%")
    ('15.4%', '15.0%')
    >>> with_limit(0.15004, 0.15, ".1%")
    ('15.004%', '15.000%')
    """
    form = re.fullmatch(r"(.*\.)(\d+)([%fg])", spec)
    assert form is not None, f"{spec} has no digits that could be more"
    for digits in range(int(form[2]), MOST_DIGITS + 1):
        shown, limit_shown = (format(number, f"{form[1]}{digits}{form[3]}") for number in (value, limit))
        if shown != limit_shown or value == limit:
            break
    return shown, limit_shown
