"""Defaults of a project: `sis-edge.toml` and variables of the environment, for options that a command line leaves out.

find.py         which file holds
options.py      the options of commands as tables and keys
names.py        whether a table and a key are known and allowed
refused.py      what a file may not set, and why
file.py         the file as a model: its check and its schema
variables.py    the names of variables: SIS_EDGE_BENCH__THREADS
environment.py  their values
settings.py     all values with where each is from, the strongest first
"""

from sis_edge.config.find import FILE, find
from sis_edge.config.options import DEFAULTS, ConfigOption, Options, Table, with_defaults
from sis_edge.config.settings import COMMAND_LINE, Configuration, Rank, Setting, read
from sis_edge.config.variables import variable, variables

__all__ = [
    "COMMAND_LINE",
    "DEFAULTS",
    "FILE",
    "ConfigOption",
    "Configuration",
    "Options",
    "Rank",
    "Setting",
    "Table",
    "find",
    "read",
    "variable",
    "variables",
    "with_defaults",
]
