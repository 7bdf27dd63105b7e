"""The names of variables for options: SIS_EDGE_BENCH__THREADS is `threads` of `bench`.

Two underscores divide table and key, so that variables of other kinds (SIS_EDGE_CACHE) are none of these.
"""

import os

from sis_edge.config.options import Table

PREFIX, DIVIDER = "SIS_EDGE_", "__"


def variable(table: Table, key: str) -> str:
    """The variable for an option.

    >>> variable(("fleet", "deploy"), "target-ci")
    'SIS_EDGE_FLEET__DEPLOY__TARGET_CI'
    """
    return PREFIX + DIVIDER.join(map(capitals, (*table, key)))


def variables() -> list[str]:
    """Those of the environment that are for options."""
    return [name for name in os.environ if name.startswith(PREFIX) and DIVIDER in name.removeprefix(PREFIX)]


def capitals(name: str) -> str:
    """A name as a part of a variable's."""
    return name.upper().replace("-", "_")
