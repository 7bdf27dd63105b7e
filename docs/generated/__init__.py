"""The generated parts of the documentation: each a function that returns Markdown made from the code.

A page has a line `<!-- generated: NAME -->` where a part goes; `fill` puts it there when the documentation is built.
Nothing of it is stored, so that no page can be older than the code.
"""

import re

from generated import agent, api, commands, environment, errors, map, schemas
from generated.links import outside_links

PARTS = {
    "commands": commands.reference,
    "command-table": commands.table_of_commands,
    "exit-codes": errors.table_of_codes,
    "profile": schemas.profile,
    "inventory": schemas.inventory,
    "manifest": schemas.manifest,
    "stored-run": schemas.stored_run,
    "documents": schemas.documents,
    "record": agent.record,
    "job": agent.job,
    "facts": agent.facts,
    "examination": agent.examination,
    "agent-commands": agent.commands,
    "problems": agent.problems,
    "environment": environment.table_of_variables,
    "api": api.reference,
    "map": map.of_the_repository,
}
"""A part's name in a page -> the function that makes it."""

PLACE = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)

__all__ = ["PARTS", "fill", "outside_links"]


def fill(markdown: str) -> str:
    """The page with each part in its place; raises KeyError for a part that there is not."""
    return PLACE.sub(lambda found: PARTS[found[1]](), markdown)
