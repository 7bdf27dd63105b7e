"""A run in one sentence that can be quoted: the best network, its speed-up, what it costs, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from sis_edge.report import rows as show
from sis_edge.report.tables import energy_scope
from sis_edge.results.best import Best, Loss, best
from sis_edge.results.rows import Figure, Row
from sis_edge.results.statistics import Interval
from sis_edge.results.verdict import Level


@dataclass(frozen=True)
class RunAnswer:
    """The sentence, the run's verdict, and the network it names: None where none may be named."""

    sentence: str
    verdict: Level
    best: Best | None = None


@dataclass(frozen=True)
class KeyFigure:
    """A figure beside the sentence: its label, its value and what to know of it."""

    label: str
    value: str
    detail: str = ""


def answer(rows: Sequence[Row], board: str) -> RunAnswer:
    """The answer of one run's rows, measured on this board; an INVALID run and an emulated board name no network."""
    if not rows:
        return RunAnswer(f"No network was measured on {board}.", "NONE")
    level, is_simulated = rows[0].verdict.level, rows[0].run.simulated
    if rows[0].run.emulated:
        said = f"No speed-up: {board} is emulated, and an emulator's times say nothing about a board."
        return RunAnswer(said, level)
    found = best(rows)
    if level == "INVALID":
        sentence, found = f"INVALID: this run on {board} has no speed-up to quote; measure again.", None
    elif found is None:
        sentence = f"No speed-up is known on {board}: {_why(rows)}; verdict: {level}."
    else:
        sentence = f"{BEFORE.get(level, '')}{_words(found, board)}; verdict: {level}."
    return RunAnswer(f"Simulated, not measured: {sentence}" if is_simulated else sentence, level, found)


BEFORE: dict[Level, str] = {
    "SUSPECT": "SUSPECT, not to be relied on: ",
    "QUICK": "QUICK, too short to rely on: ",
}
"""What a sentence begins with, so that nobody quotes it without."""


def key_figures(answer: RunAnswer) -> tuple[KeyFigure, ...]:
    """The sentence's figures, each by itself; none where it names no network."""
    found = answer.best
    if found is None:
        return ()
    reference = found.reference.identity.label
    return (
        KeyFigure("Best network" if found.is_faster else "Fastest other network", found.row.identity.label),
        KeyFigure(f"Speed against {reference}", speed(found), f"95% interval {interval(found)}"),
        KeyFigure(
            f"Accuracy drop from {reference}",
            loss(found).map(lambda points: f"{points} points").value or "unknown",
            loss_interval(found).map(lambda ends: f"95% interval {ends}").value or "",
        ),
        KeyFigure("Net energy per inference", _own_energy(found), _energy_detail(found)),
    )


def speed(found: Best) -> str:
    """The speed-up."""
    return show.speed_up(found.estimate, found.interval)


def interval(found: Best) -> str:
    """The speed-up's interval."""
    return show.speed_up_interval(found.interval)


def loss(found: Best) -> Figure[str]:
    """The drop of the accuracy in points."""
    return _loss(found).map(lambda loss: show.points(loss.drop))


def loss_interval(found: Best) -> Figure[str]:
    """The drop's interval in points."""
    return _loss(found).map(lambda loss: _ends(loss.interval))


def energy(found: Best) -> Figure[str]:
    """Its net energy per inference against the reference's."""
    joules = Figure.of(found.energies_j, found.row.energy.net_j.reason or "not of the same parts of the board")
    return joules.map(lambda both: f"{show.joules(both[0])} instead of {show.joules(both[1])}")


def _loss(found: Best) -> Figure[Loss]:
    return Figure.of(found.loss, "no accuracies of the same images are known")


def _ends(interval: Interval) -> str:
    return f"{show.points(interval.low)} to {show.points(interval.high)}"


def _own_energy(found: Best) -> str:
    return found.row.energy.net_j.map(show.joules).value or "unknown"


def _energy_detail(found: Best) -> str:
    known = found.energies_j
    return "" if known is None else f"{energy_scope([found.row])}; {show.joules(known[1])} with the reference"


def _words(found: Best, board: str) -> str:
    name, reference = found.row.identity.label, found.reference.identity.label
    known = f"95% interval {interval(found)}"
    if not found.is_faster:
        doubt = "" if found.interval.high < 1 else ", not significant"
        return (
            f"No network is faster than {reference} on {board}: the fastest other one, {name}, has {speed(found)} its "
            f"speed ({known}{doubt})"
        )
    parts = [f"{name} is {speed(found)} as fast as {reference} on {board} ({known})", _accuracy(found.loss)]
    taken = energy(found).value
    scope = energy_scope([found.row])
    parts.append(f"and takes {taken} net energy per inference ({scope})" if taken else "energy unknown")
    words = ", ".join(parts)
    if (other := found.fastest) is not None:
        words += f"; the fastest, {other.row.identity.label}, is {speed(other)} as fast and {_accuracy(other.loss)}"
    return words


def _accuracy(loss: Loss | None) -> str:
    """What the accuracy does, in words that go on from the network's name."""
    if loss is None:
        return "at unknown accuracy cost"
    if not loss.is_significant:
        return (
            f"has no significant drop of accuracy ({show.points(loss.drop)} points, 95% interval "
            f"{_ends(loss.interval)})"
        )
    if loss.drop > 0:
        return f"costs {show.points(loss.drop)} points of accuracy (95% interval {_ends(loss.interval)})"
    gained = Interval(-loss.interval.high, -loss.interval.low)
    return f"gains {show.points(-loss.drop)} points of accuracy (95% interval {_ends(gained)})"


def _why(rows: Sequence[Row]) -> str:
    """Why no speed-up has an interval, by the first network that could have one."""
    others = [row for row in rows if not row.identity.is_reference] or list(rows)
    reasons = [row.problem or row.speed_up.estimate.reason or row.speed_up.interval.reason for row in others]
    return next(filter(None, reasons), "only one network was measured")
