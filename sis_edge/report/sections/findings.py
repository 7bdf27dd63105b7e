"""What each network gains in a sentence, and what to know before reading on."""

from collections.abc import Sequence

from sis_edge.profiles.untried import of_board, of_runtime
from sis_edge.report import rows as show
from sis_edge.results.rows import Row
from sis_edge.results.rows.accuracy import ONLY_COUNTED
from sis_edge.results.rows.dense import ONE_RUNTIME
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import Interval

# The data sets that the paper reports accuracies for.
PAPER_DATASETS = {"cifar10": "CIFAR-10", "svhn": "SVHN"}

RANDOM_INPUTS = "the time of networks whose work depends on the values may differ on real ones"


def mark(rows: Sequence[Row]) -> str | None:
    """The mark that every table and chart of a run carries; None for a run on a real board."""
    marks = {
        "simulated": any(row.run.simulated for row in rows),
        "emulated": any(row.run.emulated for row in rows),
    }
    return " and ".join(name for name, is_set in marks.items() if is_set) or None


UNVERIFIED = "unverified profile"


def marks(run: StoredRun, rows: Sequence[Row]) -> tuple[str, ...]:
    """What every line of a run is marked with: simulated, emulated, a profile never tried on such a board."""
    marked = mark(rows)
    is_untried = marked is None and bool(of_board(run.profile, run.profile_verified))
    return (*(marked.split(" and ") if marked else ()), *((UNVERIFIED,) if is_untried else ()))


def finding(row: Row, dense: str | None) -> str:
    """What one network gains, in a sentence that goes on from its name."""
    found = row.speed_up.estimate
    problem = f" Problem: {row.problem}." if row.problem and row.latency.p50_s.value is not None else ""
    if found.value is None:
        is_part = row.problem is not None and row.problem.startswith(str(found.reason))
        return f"no speed-up, since {row.problem}." if is_part else f"no speed-up, since {found.reason}.{problem}"
    parts = [_speed(row, found.value, dense), *across(row, dense), *_accuracy(row)]
    return f"{'; '.join(parts)}.{problem}"


def _speed(row: Row, estimate: float, dense: str | None) -> str:
    interval = row.speed_up.interval
    text = f"{show.speed_up(estimate, interval.value)} the speed of {dense}"
    if interval.value is None:
        return f"{text} (no interval: {interval.reason})"
    ceiling = row.structure.ceiling.map(lambda most: f"; ceiling {show.ratio(most)}").value or ""
    text += f" (95% interval {show.speed_up_interval(interval.value)}{ceiling})"
    return text + _significance(interval.value, 1)


def across(row: Row, dense: str | None) -> list[str]:
    """Where several runtimes measured: the speed over the dense network of its own runtime, and over the fastest.

    What is over `dense`, which a finding names first, is left out.
    """
    own, fastest = row.own_dense, row.fastest_dense
    noun = "reference" if row.identity.is_given else "dense network"
    said: dict[str | None, str] = {dense: ""}
    for other, what in ((own, f"the {noun} with its runtime"), (fastest, f"the fastest {noun}")):
        estimate, interval = other.speed_up.estimate.value, other.speed_up.interval.value
        if other.over.value in said or estimate is None or fastest.over.reason == ONE_RUNTIME:
            continue
        ends = show.speed_up_interval(interval) if interval else "none"
        text = f"{show.speed_up(estimate, interval)} that of {other.over.value}, {what} (95% interval {ends})"
        said[other.over.value] = text + (_significance(interval, 1) if interval else "")
    return [text for text in said.values() if text]


def _accuracy(row: Row) -> list[str]:
    """How far the accuracy is below that of what it is compared with: on the board where both were measured there, but
    on the host where only there is known which images are wrong.
    """
    accuracy = row.accuracy
    on_board = "on the board", accuracy.device_drop, accuracy.device_test_images.value
    on_host = "on the host", accuracy.host_drop, accuracy.host_test_images.value
    known = [found for found in (on_board, on_host) if found[1].estimate.value is not None]
    where, drop, images = next((found for found in known if found[1].is_paired.value), (*known, on_board)[0])
    estimate, interval = drop.estimate.value, drop.interval.value
    if estimate is None or interval is None or images is None:
        return []
    side = "below" if estimate >= 0 else "above"
    what = "label" if row.identity.is_given else "test image"  # a user's own network may take no images
    same, unpaired = ("the same ", "") if drop.is_paired.value else ("", f"; not paired: {ONLY_COUNTED}")
    p_value = drop.p_value.map(lambda found: f"McNemar's {show.p_equals(found)}, ").value or ""
    form = " in fp32" if row.identity.precision != "fp32" else ""
    trained = f" ({accuracy.training_difference})" if accuracy.training_difference else ""
    return [
        f"accuracy {where} {show.points(abs(estimate))} points {side} {accuracy.drop_from.value}{form}{trained} "
        f"(95% interval of the drop {show.points(interval.low)} to {show.points(interval.high)}, "
        f"{p_value}{same}{show.plural(images, what)}{unpaired}){_significance(interval, 0)}"
    ]


def _significance(interval: Interval, nothing: float) -> str:
    """What to add where the interval contains the value of no difference."""
    return ", not significant" if interval.low <= nothing <= interval.high else ""


def notes(run: StoredRun, rows: Sequence[Row]) -> tuple[str, ...]:
    """What to know of a run before its tables."""
    found = []
    if (marked := mark(rows)) is not None:
        found.append(f"This run is {marked}: its latencies, load times and memory say nothing about a real board.")
    elif not any(row.run.emulated for row in rows):
        said = (
            *of_board(run.profile, run.profile_verified),
            *(said for runtime in run.runtimes for said in of_runtime(runtime)),
        )
        found += [f"Not tried on hardware: {sentence}." for sentence in said]
    found.append(_training(run, rows))
    if len(run.runtimes) > 1:
        reference = next((row.identity.label for row in rows if row.identity.is_reference), None)
        over = f"; speed-ups are over {reference}, on the first of them" if reference else ""
        found.append(f"Measured with {' and '.join(run.runtimes)} in the same rounds{over}.")
    if random := [entry.name for entry in run.manifest.given if entry.inputs_are_random]:
        found.append(f"Random inputs for {', '.join(random)}: {RANDOM_INPUTS}.")
    if run.record.problem is not None:
        found.append(f"The job ended early: {run.record.problem.message}.")
    for cut in run.record.interruptions:
        found.append(f"The job was interrupted after round {cut.rounds} ({cut.reason}) and went on in new processes.")
    unsteady = [row.identity.label for row in rows if row.latency.warmup_steady.value is False]
    if unsteady:
        found.append(
            f"The warm-up of {', '.join(unsteady)} ended before latencies were steady: measure again on an idle board."
        )
    for row in rows:
        if row.identity.is_reference and row.problem is not None:  # the other networks' problems are in their findings
            found.append(f"{row.identity.label}: {row.problem}.")
    return tuple(found)


def _training(run: StoredRun, rows: Sequence[Row]) -> str:
    known = [(row.training.train_images.value, row.training.epochs.value) for row in rows]
    trainings = sorted({(images, epochs) for images, epochs in known if images is not None and epochs is not None})
    dataset = run.manifest.dataset
    if dataset is None:
        return "sis-edge did not form these networks: they were measured as they are."
    name = PAPER_DATASETS.get(dataset, dataset)
    amounts = "; ".join(
        f"{show.plural(images, 'image')} of {name} for {show.plural(epochs, 'epoch')}" for images, epochs in trainings
    )
    if not trainings:
        return "Trained by their user: how long is not known."
    if dataset not in PAPER_DATASETS:
        return f"Trained on {amounts}: not comparable with the paper's {' and '.join(PAPER_DATASETS.values())} figures."
    return (
        f"Trained on {amounts}. The paper does not report how long it trained, so its accuracies are shown for "
        "orientation only."
    )
