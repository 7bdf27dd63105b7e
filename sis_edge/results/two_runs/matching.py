"""Which network of one run belongs to which of another: the same network in the same form, precision and runtime."""

from dataclasses import dataclass

from sis_edge.errors import RecordError
from sis_edge.results.named import NamedRun
from sis_edge.results.rows.accuracy import Pair
from sis_edge.results.schema import StoredRun


@dataclass(frozen=True)
class Match:
    """A network of A and one of B; `is_chosen` where the user named both, so that they may differ on purpose."""

    a: Pair
    b: Pair
    is_chosen: bool = False

    @property
    def title(self) -> str:
        """The name, or both where they differ."""
        names = [self.a[0].name, self.b[0].name]
        return " -> ".join(dict.fromkeys(names))


@dataclass(frozen=True)
class Matching:
    """The networks that both have, and the names of those that only one has."""

    matches: tuple[Match, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()


def is_one_run(a: StoredRun, b: StoredRun) -> bool:
    """Whether both are one run, or one and its copy with a meter's energy: their rounds are then the same."""
    return _run_key(a) == _run_key(b)


def match(a: NamedRun, b: NamedRun) -> Matching:
    """The networks to compare; raises RecordError where the runs have none in common.

    Of one run they are all networks against the reference, or against the one that was named.
    """
    if a.network and b.network:
        return Matching((Match(a.network, b.network, is_chosen=True),))
    if is_one_run(a.run, b.run):
        return _of_one_run(a, b)
    left = [a.network] if a.network else a.run.networks()
    right = [b.network] if b.network else b.run.networks()
    pairs = _matched(a.run, left, b.run, right)
    if not pairs:
        raise RecordError(
            f"run {a.run.record.run_id} ({_names(left)}) and run {b.run.record.run_id} ({_names(right)}) have no "
            "network in common; name one of each: RUN:NETWORK"
        )
    taken_a, taken_b = ({pair[side][0].name for pair in pairs} for side in (0, 1))
    return Matching(
        tuple(Match(*pair) for pair in pairs),
        () if b.network else tuple(entry.name for entry, _ in left if entry.name not in taken_a),
        () if a.network else tuple(entry.name for entry, _ in right if entry.name not in taken_b),
    )


def _of_one_run(a: NamedRun, b: NamedRun) -> Matching:
    networks = a.run.networks()
    base = a.network or b.network or next((pair for pair in networks if a.run.is_reference(*pair)), networks[0])
    others = [pair for pair in networks if pair[0].name != base[0].name]
    if not others:
        raise RecordError(f"run {a.run.record.run_id} has one network only: name another run to compare it with")
    pairs = [(other, base) if b.network else (base, other) for other in others]
    return Matching(tuple(Match(*pair, is_chosen=True) for pair in pairs))


def _matched(a: StoredRun, left: list[Pair], b: StoredRun, right: list[Pair]) -> list[tuple[Pair, Pair]]:
    """Pairs in A's order: of one identity, else of one but for the runtime, else of one name, each once."""
    found: dict[str, tuple[Pair, Pair]] = {}
    for parts in (4, 3, 1):
        rest_a = [pair for pair in left if pair[0].name not in found]
        rest_b = [pair for pair in right if pair not in [other for _, other in found.values()]]
        keys_a, keys_b = (
            [_identity(a, pair)[:parts] for pair in rest_a],
            [_identity(b, pair)[:parts] for pair in rest_b],
        )
        for pair, key in zip(rest_a, keys_a, strict=True):
            if keys_a.count(key) == keys_b.count(key) == 1:
                found[pair[0].name] = (pair, rest_b[keys_b.index(key)])
    return [found[entry.name] for entry, _ in left if entry.name in found]


def _identity(run: StoredRun, pair: Pair) -> tuple[str, ...]:
    entry, record = pair
    return (
        record.network if record and record.network else entry.name,
        entry.form,
        entry.precision,
        run.runtime(record),
    )


def _run_key(run: StoredRun) -> tuple[str, str, str, float]:
    record = run.record
    return run.bundle_id, record.run_id, record.started_at, record.duration_s


def _names(pairs: list[Pair]) -> str:
    return ", ".join(entry.name for entry, _ in pairs)
