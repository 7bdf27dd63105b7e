"""Which networks of a base and a candidate belong together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.identity import label
from sis_edge.errors import UsageError, unknown
from sis_edge.results.changes import Compared
from sis_edge.results.schema import StoredRun


@dataclass(frozen=True)
class NetworkNames:
    """A network of the base and one of the candidate, by the names that each of them has for it."""

    base: str
    candidate: str

    @property
    def shown(self) -> str:
        """For people.

        >>> NetworkNames("nin", "nin").shown, NetworkNames("v1", "v2").shown
        ('nin', 'v1 -> v2')
        """
        return self.base if self.base == self.candidate else f"{self.base} -> {self.candidate}"


@dataclass(frozen=True)
class Paired:
    """The networks to compare, and sentences on those that have no counterpart."""

    networks: tuple[NetworkNames, ...]
    notes: tuple[str, ...] = ()


def pair(base: Sequence[str], candidate: Sequence[str], only: Collection[str] | None = None) -> Paired:
    """Networks of the same name, in the candidate's order; one on each side belong together whatever their names.

    `only` leaves those alone that it does not name. Raises UsageError where nothing can be compared.
    """
    for name in only or ():
        if name not in {*base, *candidate}:
            raise unknown("network in base and candidate", name, list(dict.fromkeys([*base, *candidate])))
    before, after = ([name for name in names if only is None or name in only] for names in (base, candidate))
    if len(before) == len(after) == 1:
        return Paired((NetworkNames(before[0], after[0]),))
    shared = [name for name in after if name in before]
    if not shared:
        raise UsageError(
            f"base and candidate have no network in common: {', '.join(before) or 'none'} and "
            f"{', '.join(after) or 'none'}; name one of each with --networks"
        )
    notes = [
        f"only the {side} has {', '.join(left)}, which {'is' if len(left) == 1 else 'are'} not compared"
        for side, names in (("base", before), ("candidate", after))
        if (left := [name for name in names if name not in shared])
    ]
    return Paired(tuple(NetworkNames(name, name) for name in shared), tuple(notes))


@dataclass(frozen=True)
class ComparedForm:
    """One form of a network, in base and candidate; the first is None where the base was not measured in it."""

    shown: str
    base: Compared | None
    candidate: Compared


def forms(base: StoredRun, candidate: StoredRun, names: NetworkNames, shown: str) -> list[ComparedForm]:
    """Every form of a candidate's network (another precision, native kernels, another runtime) with the base's."""
    before = {_form(base, each.record): each for each in _measured(base, names.base)}
    after = {_form(candidate, each.record): each for each in _measured(candidate, names.candidate)}
    return [ComparedForm(_label(candidate, shown, form), before.get(form), each) for form, each in after.items()]


def missing(base: StoredRun, candidate: StoredRun, names: NetworkNames, shown: str) -> list[str]:
    """The base's forms that the candidate does not have."""
    after = {_form(candidate, each.record) for each in _measured(candidate, names.candidate)}
    before = [form for each in _measured(base, names.base) if (form := _form(base, each.record)) not in after]
    return [_label(base, shown, form) for form in before]


def _label(run: StoredRun, shown: str, form: tuple[str, str, str]) -> str:
    """A form as it is shown, with its runtime where the run has several."""
    kind, precision, runtime = form
    return label(shown, kind, precision, runtime if len(run.runtimes) > 1 else None)


def _measured(run: StoredRun, network: str) -> list[Compared]:
    return [
        Compared(run, entry, record)
        for entry, record in run.networks()
        if record is not None and record.network == network
    ]


def _form(run: StoredRun, record: NetworkRecord) -> tuple[str, str, str]:
    return record.form, record.precision, run.runtime(record)
