"""Which form of a network to use, by its speed and by what its accuracy may lose."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from results.factory import network_record, stored_run
from sis_agent.schema import Accuracy, NetworkRecord, Problem
from sis_edge.report import terminal
from sis_edge.report.document import document, form_advice, kernel_choices
from sis_edge.report.json import to_json
from sis_edge.results.comparison import compare
from sis_edge.results.form_advice import MOST_DROP, FormAdvice
from sis_edge.results.schema import StoredRun
from sis_edge.results.statistics import paired_difference

NAME, IMAGES = "cifar10-sis1", 450
FP32_WRONG = range(20)


def form(gain: float, wrong: Sequence[int] | None, form: str = "plain", precision: str = "int8") -> NetworkRecord:
    """A form of the network that is so many times as fast as in plain fp32 and gets these images wrong."""
    base = network_record(NAME, 8, 3)
    rounds = [turn._replace(latencies_s=[value / gain for value in turn.latencies_s]) for turn in base.rounds]
    accuracy = None if wrong is None else Accuracy(IMAGES, IMAGES - len(wrong), list(wrong))
    name = f"{NAME} {form} {precision}"
    return base._replace(name=name, rounds=rounds, accuracy=accuracy, form=form, precision=precision)


PLAIN = form(1, FP32_WRONG, precision="fp32")._replace(name=NAME)
NATIVE = form(1.5, FP32_WRONG, "native", "fp32")
LIKE_FP32 = [0, *range(2, 21)]  # one lost, one won
INT8 = form(3, LIKE_FP32)


def run_of(*forms: NetworkRecord, emulated: bool = False) -> StoredRun:
    """Dense NiN and these forms."""
    run = stored_run(names=("nin", NAME), rounds=8, per_round=3)
    dense, job = run.record.networks[0], run.record.job
    jobs = [job.networks[1]._replace(name=each.name, form=each.form, precision=each.precision) for each in forms]
    record = run.record._replace(
        networks=[dense, *forms],
        job=job._replace(networks=[job.networks[0], *jobs]),
        facts_before=run.record.facts_before._replace(emulated=emulated),
    )
    return run.model_copy(update={"record": record})


def advised(*forms: NetworkRecord, **known: Any) -> list[FormAdvice]:
    run = run_of(*forms, **known)
    return form_advice(run, compare(run), kernel_choices(run, 0), 0)


def test_the_fastest_form_with_its_cost_and_both_intervals() -> None:
    (found,) = advised(PLAIN, NATIVE, INT8)
    assert (found.network, found.use, found.refused) == (NAME, f"{NAME} int8", ())
    assert found.speed_up is not None
    assert found.speed_up.estimate == pytest.approx(3)
    assert found.cost is not None
    assert (found.cost.drop, found.cost.images) == (0.0, IMAGES)
    assert found.cost.interval == paired_difference(1, 1, IMAGES)
    assert found.sentence.startswith(f"use {NAME} int8: 3.00× (95% interval ")
    said = "; accuracy 0.00 points below fp32 (95% interval of the drop −0.87 to 0.87, the same 450 test images)."
    assert found.sentence.endswith(f" the speed of fp32{said}")


def test_counts_alone_advise_nothing_however_many_they_are() -> None:
    """With so many images the unpaired interval would be small enough, too."""
    plain, int8 = (each._replace(accuracy=Accuracy(10**6, 951_100)) for each in (PLAIN, INT8))
    (found,) = advised(plain, NATIVE, int8)
    assert found.use == f"{NAME} (native kernels)"
    assert "its accuracy is not known (this run has how many images were right, not which)" in found.refused[0][1]


@pytest.mark.parametrize(
    ("lost", "won", "is_taken"), [(3, 3, True), (4, 0, True), (6, 0, False), (10, 9, False), (0, 10, True)]
)
def test_the_upper_end_of_the_drop_decides_not_its_significance(lost: int, won: int, is_taken: bool) -> None:
    """Of 10 lost and 9 won nothing is significant, and nothing shows that less than two points are lost."""
    wrong = [*range(won, 20), *range(20, 20 + lost)]
    (found,) = advised(PLAIN, NATIVE, form(3, wrong))
    assert (paired_difference(lost, won, IMAGES).high <= MOST_DROP) is is_taken
    assert found.use == (f"{NAME} int8" if is_taken else f"{NAME} (native kernels)")
    if not is_taken:
        ((label, reason),) = found.refused
        assert label == f"{NAME} int8"
        assert reason.startswith("3.00× (95% interval ")
        assert reason.endswith("the same 450 test images): the upper end is above 2.00")
        assert f"; not {NAME} int8: 3.00×" in found.sentence
        assert found.cost is None


def test_a_faster_precision_may_be_refused_and_the_next_one_taken() -> None:
    lossy, half = form(4, range(28)), form(2, LIKE_FP32, precision="fp16")
    (found,) = advised(PLAIN, lossy, half)
    assert found.use == f"{NAME} fp16"
    assert [label for label, _ in found.refused] == [f"{NAME} int8"]


def test_an_accuracy_that_nobody_knows_is_not_taken_for_good() -> None:
    (found,) = advised(PLAIN, form(3, None))
    assert (found.use, found.speed_up, found.cost) == (NAME, None, None)
    assert "its accuracy is not known (" in found.refused[0][1]
    assert found.sentence.startswith(f"use {NAME}; not {NAME} int8: ")


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.01])
def test_what_is_hardly_faster_is_not_worth_another_precision(gain: float) -> None:
    (found,) = advised(PLAIN, form(gain, LIKE_FP32))
    assert (found.use, found.refused) == (NAME, ())


def test_a_form_that_failed_or_computes_another_function_is_not_advised() -> None:
    failed = INT8._replace(rounds=[], problem=Problem("runner", "no"))
    assert advised(PLAIN, NATIVE, failed) == []  # nothing is left but fp32
    assert INT8.golden is not None
    wrong = INT8._replace(golden=INT8.golden._replace(max_abs_difference=9.0, passed=False))
    assert all(
        each.use != f"{NAME} int8" for each in advised(PLAIN, NATIVE, wrong, form(2, LIKE_FP32, "plain", "fp16"))
    )


def test_what_the_choice_of_kernels_refuses_is_not_advised() -> None:
    """Kernels that make INT8 1% faster are not worth a form of their own; those that make it a third faster are."""
    (found,) = advised(PLAIN, INT8, form(3.03, LIKE_FP32, "native", "int8"))
    assert found.use == f"{NAME} int8"
    (found,) = advised(PLAIN, INT8, form(4, LIKE_FP32, "native", "int8"))
    assert found.use == f"{NAME} int8 (native kernels)"


def test_there_is_advice_only_between_precisions_and_on_a_real_board() -> None:
    assert advised(PLAIN, NATIVE) == []
    assert advised(INT8, form(2, LIKE_FP32, precision="fp16")) == []  # without fp32 nothing is a cost
    assert advised(PLAIN, INT8, emulated=True) == []


def test_the_report_says_it() -> None:
    run = run_of(PLAIN, INT8)
    (found,) = form_advice(run, compare(run), kernel_choices(run, 0), 0)
    report = document([run])
    assert report.sections[0].findings[-1] == (NAME, found.sentence)
    (shown,) = json.loads(to_json(report))["runs"]
    assert shown["findings"][NAME].endswith(found.sentence[1:])
    assert shown["form_advice"][0]["use"] == found.use
    assert shown["form_advice"][0]["cost"]["images"] == IMAGES
    console = Console(width=400)
    with console.capture() as printed:
        console.print(terminal.table(run))
    assert f"{NAME}: {found.sentence}" in printed.get()
