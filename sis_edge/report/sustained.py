"""The tables of sustained work: how each network held up, its energy, paced calls, who is the fastest in the end."""

from collections.abc import Sequence

from sis_edge.report import rows as show
from sis_edge.report.table import Cell, Column, Table
from sis_edge.results.schema import StoredRun
from sis_edge.results.sustained import (
    RULE,
    SustainedChange,
    SustainedFigures,
    SustainedRank,
    SustainedStretch,
    of_run,
    ranking,
)
from sis_edge.results.sustained.words import duration

UNKNOWN = Cell("–", is_known=False)
SERVICE = "Median time of a call, with its 95% interval over windows."


def sustained_tables(run: StoredRun, mark: str | None = None) -> tuple[Table, ...]:
    """The tables of a run with sustained work; none of another."""
    figures = of_run(run.record)
    if not figures:
        return ()
    return tuple(
        table
        for table in (
            _held_up(run, figures, mark),
            _paced(run, figures, mark),
            _energy(run, figures, mark),
            _ranks(run, figures, mark),
        )
        if table is not None
    )


def edge_words(figures: Sequence[SustainedFigures]) -> str:
    """How long the first and the last stretch are.

    >>> edge_words([])
    'minute'
    """
    lengths_s = [each.first.length_s for each in figures if each.first is not None]
    return "minute" if not lengths_s or max(lengths_s) > 45 else duration(max(lengths_s))


def _held_up(run: StoredRun, figures: Sequence[SustainedFigures], mark: str | None) -> Table:
    request, edge = run.record.job.sustained, edge_words(figures)
    columns = (
        Column("Network", is_number=False),
        Column(f"First {edge}"),
        Column(f"Last {edge}"),
        Column("Change [95% interval]"),
        Column("Time to throttle", is_number=False),
        Column("Slow windows"),
        Column("Temperature: start, most"),
    )
    how = "back to back" if request is None or request.rate_hz is None else f"{request.rate_hz:g} calls a second"
    length = "" if request is None else f" for {duration(request.time_s)}"
    caption = f"Each network alone, {how}{length}, from the same start temperature. {SERVICE} {RULE}"
    notes = [f"{each.network}: {each.reason}" for each in figures if each.reason is not None]
    notes += [
        f"{each.network}: the board reported {', '.join(each.throttle.signs)}."
        for each in figures
        if each.throttle is not None and each.throttle.signs
    ]
    cells = tuple(_of_network(each) for each in figures)
    return Table("Sustained work", caption, columns, cells, tuple(notes), "sustained", mark)


def _of_network(found: SustainedFigures) -> tuple[Cell, ...]:
    throttle = found.throttle
    if throttle is None:
        return (Cell(found.network), *(UNKNOWN for _ in range(6)))
    slowdown = "none" if throttle.time_s is None else f"{duration(throttle.time_s)} ({throttle.cause})"
    return (
        Cell(found.network),
        _median(found.first),
        _median(found.last),
        _change(found.change),
        Cell(slowdown),
        Cell(show.share(throttle.slow_share)),
        _heat(found),
    )


def _median(part: SustainedStretch | None) -> Cell:
    if part is None or part.p50_s is None:
        return UNKNOWN
    if part.p50_low_s is None or part.p50_high_s is None:
        return Cell(f"{_ms(part.p50_s)} ms")
    return Cell(f"{_ms(part.p50_s)} ms [{_ms(part.p50_low_s)}, {_ms(part.p50_high_s)}]")


def _ms(seconds: float) -> str:
    """Four digits: intervals over windows are often narrower than a percent.

    >>> _ms(0.40016), _ms(0.0000541)
    ('400.2', '0.05410')
    """
    return f"{1e3 * seconds:#.4g}".rstrip(".")


def _change(change: SustainedChange | None) -> Cell:
    """By how much longer a call takes, in percent.

    >>> from sis_edge.results.statistics import Interval
    >>> _change(SustainedChange(1.25, Interval(1.2, 1.3))).text, _change(SustainedChange(0.995, None)).text
    ('+25.0% [+20.0%, +30.0%]', '−0.5%')
    """
    if change is None:
        return UNKNOWN
    ends = change.interval
    interval = f" [{_longer(ends.low)}, {_longer(ends.high)}]" if ends is not None else ""
    return Cell(_longer(change.estimate) + interval)


def _longer(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}%".replace("-", "−")


def _heat(found: SustainedFigures) -> Cell:
    if found.max_c is None:
        return UNKNOWN
    start = "?" if found.start_c is None else f"{found.start_c:.0f}"
    return Cell(f"{start} °C, {found.max_c:.0f} °C")


def _paced(run: StoredRun, figures: Sequence[SustainedFigures], mark: str | None) -> Table | None:
    request = run.record.job.sustained
    if request is None or request.rate_hz is None:
        return None
    columns = (
        Column("Network", is_number=False),
        Column("Calls"),
        Column("Missed deadlines"),
        Column("p50 from its scheduled start"),
        Column("p99 from its scheduled start"),
        Column("p50 of the call"),
        Column("p99 of the call"),
    )
    caption = (
        f"Calls by a fixed schedule of {request.rate_hz:g} a second, whatever the ones before took: one that holds up "
        "others is in their latencies, which count from the scheduled start. A deadline is missed where a call ends "
        "after the next one is due, or is never begun."
    )
    cells = tuple(_of_schedule(each) for each in figures)
    return Table("Paced calls", caption, columns, cells, (), "sustained-paced", mark)


def _of_schedule(found: SustainedFigures) -> tuple[Cell, ...]:
    whole = found.whole
    if whole is None or whole.due is None or whole.missed is None:
        return (Cell(found.network), *(UNKNOWN for _ in range(6)))
    share = whole.missed / whole.due if whole.due else 0.0
    return (
        Cell(found.network),
        Cell(show.count(whole.calls)),
        Cell(f"{show.count(whole.missed)} of {show.count(whole.due)} ({show.percent(share)})"),
        *(
            Cell("insufficient", is_known=False) if value is None else Cell(show.seconds(value))
            for value in (whole.latency_p50_s, whole.latency_p99_s, whole.p50_s, whole.p99_s)
        ),
    )


def _energy(run: StoredRun, figures: Sequence[SustainedFigures], mark: str | None) -> Table | None:
    """Gross energy and power; none where no power was measured, which the run's energy table says with the reason."""
    if all(part is None or part.power_w is None for each in figures for part in (each.first, each.last, each.whole)):
        return None
    edge = edge_words(figures)
    columns = (
        Column("Network", is_number=False),
        Column(f"Energy of a call, first {edge}"),
        Column(f"Energy of a call, last {edge}"),
        Column("Energy of a call, all"),
        Column(f"Energy a second, first {edge}"),
        Column(f"Energy a second, last {edge}"),
        Column("Energy a second, all"),
    )
    scope = run.record.power.scope or "scope unknown"
    caption = f"Gross, scope: {scope}: what the board takes while the network works, pauses between calls included."
    cells = tuple(_of_energy(each) for each in figures)
    return Table("Energy of sustained work", caption, columns, cells, (), "sustained-energy", mark)


def _of_energy(found: SustainedFigures) -> tuple[Cell, ...]:
    parts = (found.first, found.last, found.whole)
    joules = [None if part is None else part.energy_j for part in parts]
    watts = [None if part is None else part.power_w for part in parts]
    return (
        Cell(found.network),
        *(UNKNOWN if value is None else Cell(show.joules(value)) for value in joules),
        *(UNKNOWN if value is None else Cell(show.si(value, "J/s")) for value in watts),
    )


def _ranks(run: StoredRun, figures: Sequence[SustainedFigures], mark: str | None) -> Table | None:
    ranks = ranking(figures, reference(run))
    if len(ranks) < 2:
        return None
    edge = edge_words(figures)
    columns = (
        Column("Network", is_number=False),
        Column(f"Rank, first {edge}"),
        Column("Speed-up [95% interval]"),
        Column(f"Rank, last {edge}"),
        Column("Speed-up [95% interval]"),
    )
    caption = (
        "1 is the fastest; = marks a place that cannot be told from the next. Speed-up over the reference, by median "
        "times of windows: networks did not run in the same rounds, so what changed between their runs is in it."
    )
    cells = tuple(
        (
            Cell(rank.network),
            Cell(_place(rank.first, rank.is_first_tied)),
            _speed_up(rank, rank.first_speed_up),
            Cell(_place(rank.last, rank.is_last_tied)),
            _speed_up(rank, rank.last_speed_up),
        )
        for rank in ranks
    )
    return Table("Fastest at the start, fastest at the end", caption, columns, cells, (), "sustained-ranking", mark)


def reference(run: StoredRun) -> str | None:
    """The network that speed-ups are over, as reports show it."""
    labels = {entry.name for entry, record in run.networks() if record and run.is_reference(entry, record)}
    return next(iter(labels), None)


def _place(place: int, is_tied: bool) -> str:
    return f"{place}=" if is_tied else str(place)


def _speed_up(rank: SustainedRank, found: SustainedChange | None) -> Cell:
    if found is None:
        return UNKNOWN
    interval = "" if found.interval is None else f" [{show.speed_up_interval(found.interval)}]"
    return Cell(show.speed_up(found.estimate, found.interval) + interval)
