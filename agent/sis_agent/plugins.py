"""Runners and power sensors that other packages add: none in the source tree, which is why both tables are empty.

The host fills them when it packs the agent for a board: from the entry points of the groups `sis_agent.runners` and
`sis_agent.power` it writes this module anew, and it puts their modules into `sis_agent/outside/`. The agent's README
shows such a module.
"""

from typing import Dict

# As in builtin.py.
RUNNERS: Dict[str, str] = {}
POWER: Dict[str, str] = {}
