"""Options that exclude each other, and those that need another: on the command line a mistake, else left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sis_edge.cli import configured
from sis_edge.config import COMMAND_LINE, Rank
from sis_edge.errors import UsageError

Names: TypeAlias = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class OptionRules:
    """`excludes` names for a parameter those that say nothing where it is given, `needs` those of which one must be
    given with it; `belongs` is as `needs`, for a command that checks its command line itself.
    """

    excludes: Names = field(default_factory=dict)
    needs: Names = field(default_factory=dict)
    belongs: Names = field(default_factory=dict)

    def names(self) -> set[str]:
        """Every parameter that a rule is about."""
        rules = (self.excludes, self.needs, self.belongs)
        return {name for rule in rules for first, others in rule.items() for name in (first, *others)}


def unused(context: Any, rules: OptionRules) -> set[str]:
    """The parameters whose defaults of a file or the environment say nothing here: one that ranks before them excludes
    them, or what they need is not given.

    Raises UsageError where two of one rank exclude each other, and where the command line lacks what it needs.
    """
    words, ranks = words_of(context), _ranks(context)
    left_out: set[str] = set()
    for name, other in _pairs(rules.excludes, ranks):
        if {name, other} & left_out:
            continue
        if ranks[name] == ranks[other]:
            raise UsageError(f"{words[name]} and {words[other]} exclude each other; leave one out")
        left_out.add(max(name, other, key=lambda each: ranks[each]))
    while alone := _alone(ranks, left_out, rules.needs, rules.belongs):
        left_out |= alone
    for name in _alone(ranks, left_out, rules.needs, is_on_command_line=True):
        raise UsageError(f"{words[name]} needs {' or '.join(words[other] for other in rules.needs[name])}")
    return left_out


def words_of(context: Any) -> dict[str, str]:
    """The options and arguments of a command by the names of their parameters."""
    return {name: _word(each.opts[0]) for each in context.command.params if (name := each.name)}


def given(context: Any, names: Iterable[str]) -> set[str]:
    """Those of the parameters that the command line has."""
    return {name for name in names if configured.source(context, name) == "COMMANDLINE"}


def _pairs(excludes: Names, ranks: Mapping[str, Rank]) -> list[tuple[str, str]]:
    """The pairs that are given and exclude each other, the strongest first."""
    found = [(name, other) for name, others in excludes.items() for other in others if {name, other} <= ranks.keys()]
    return sorted(found, key=lambda pair: sorted(ranks[each] for each in pair))


def _alone(ranks: Mapping[str, Rank], left_out: set[str], *needs: Names, is_on_command_line: bool = False) -> set[str]:
    """Those that lack what they need, either of the command line or of elsewhere."""
    there = ranks.keys() - left_out
    return {
        name
        for rule in needs
        for name in there & rule.keys()
        if (ranks[name] == COMMAND_LINE) is is_on_command_line and not there.intersection(rule[name])
    }


def _ranks(context: Any) -> dict[str, Rank]:
    """The parameters that were given: on the command line, in the environment or in a file; no flag that is unset."""
    settings, found = configured.settings(context), {}
    for param in context.command.params:
        if context.params.get(param.name) is False and configured.is_one_sided(param):
            continue
        source = configured.source(context, param.name)
        if source == "COMMANDLINE":
            found[param.name] = COMMAND_LINE
        elif source == "DEFAULT_MAP":
            found[param.name] = settings[param.name].rank
    return found


def _word(name: str) -> str:
    """An option or argument as the help has it."""
    return name if name.startswith("-") else name.upper()
