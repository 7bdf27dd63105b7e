"""Patterns of OpenSSH (ssh_config(5), "PATTERNS"): `*` and `?`, in lists separated by commas, negated by `!`."""

import re


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches one pattern.

    >>> matches("192.168.*", "192.168.1.20"), matches("n?no", "nano"), matches("[nano]:22", "n")
    (True, True, False)
    """
    # Not fnmatch: there, the brackets of "[host]:port" would mean a set of letters.
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


def matches_list(patterns: str, text: str) -> bool:
    """Whether one of the patterns matches, and none of the negated ones.

    >>> matches_list("*.lab,!nano.lab", "orin.lab"), matches_list("*.lab,!nano.lab", "nano.lab")
    (True, False)
    """
    found = False
    for pattern in patterns.split(","):
        if matches(pattern.removeprefix("!"), text):
            if pattern.startswith("!"):
                return False
            found = True
    return found
