"""JSON as C++ programs stream it: a float that is not a number is `nan`, `-nan`, `inf` or `-inf`, without quotes."""

import json
import re
from typing import Any

# A string comes first, so that a tensor named "nan" keeps its name.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\b(?:nan(?:\(\w*\))?|inf(?:inity)?)(?!\w)', re.IGNORECASE)


def loads(text: str) -> Any:
    """The value; raises ValueError where the text is no JSON for another reason.

    >>> loads('{"nan": [-nan, inf, -Infinity, 1.5]}')
    {'nan': [nan, inf, -inf, 1.5]}
    """
    try:
        return json.loads(_TOKEN.sub(lambda match: _spelt(match.group()), text))
    except RecursionError:
        raise ValueError("it is nested too deeply")


def _spelt(token: str) -> str:
    """A token as Python's json spells it; the sign of a NaN means nothing."""
    if token.startswith('"'):
        return token
    if "nan" in token.lower():
        return "NaN"
    return "-Infinity" if token.startswith("-") else "Infinity"
