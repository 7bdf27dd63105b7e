from typing import Any

import numpy as np
import pytest

from sis_agent.schema import NetworkRecord, Problem, RoundSamples
from sis_edge.results.kernel_choice import WORTH_IT, choices, choose_sparse


def record(
    name: str, latency_s: float, *, rounds: int = 30, chosen: int | None = 2, spread: float = 0.01, **fields: Any
) -> NetworkRecord:
    """A network whose latency scatters around `latency_s`; both engines of a test see the same drift."""
    numbers = np.random.default_rng(sum(map(ord, name)))
    drift = np.random.default_rng(7).normal(1, 0.05, rounds)
    turns = [
        RoundSamples(index, 0, float(index), list(latency_s * drift[index] * numbers.normal(1, spread, 20)))
        for index in range(rounds)
    ]
    told = None if chosen is None else {"number": chosen, "names": None}
    sparsity = {"eligible": {"number": 8, "names": None}, "chosen": told}
    details = {"engine_told": {"sparsity": sparsity}}
    network, _, form = name.partition(" ")
    identity = {"network": network, "form": form or "plain", "precision": "fp16"}
    return NetworkRecord(name, 1000, rounds=turns, details=details, **identity)._replace(**fields)


def test_a_clear_gain_is_taken() -> None:
    choice = choose_sparse(record("nin", 1e-3), record("nin sparse24", 0.9e-3))
    assert choice.use_sparse
    assert choice.network == "nin"
    assert choice.speed_up is not None
    assert choice.speed_up.interval is not None
    assert choice.speed_up.interval.low >= WORTH_IT
    assert choice.reason.startswith("TensorRT took sparse kernels for 2 of 8 eligible layers; with them it runs 1.1")


@pytest.mark.parametrize(("factor", "taken"), [(1.06, True), (1.01, False), (1.0, False), (0.8, False)])
def test_the_lower_end_decides(factor: float, taken: bool) -> None:
    choice = choose_sparse(record("nin", 1e-3), record("nin sparse24", 1e-3 / factor))
    assert choice.use_sparse is taken
    assert taken or "the lower end is below 1.02" in choice.reason


def test_a_gain_that_is_not_known_well_enough_is_not_taken() -> None:
    choice = choose_sparse(
        record("nin", 1e-3, rounds=6, spread=0.4), record("nin sparse24", 0.95e-3, rounds=6, spread=0.4)
    )
    assert not choice.use_sparse
    assert choice.speed_up is not None
    few = choose_sparse(record("nin", 1e-3, rounds=3), record("nin sparse24", 0.5e-3, rounds=3))
    assert not few.use_sparse
    assert "3 rounds are too few" in few.reason


def test_an_engine_without_sparse_kernels_is_no_sparse_engine_however_fast() -> None:
    choice = choose_sparse(record("nin", 1e-3), record("nin sparse24", 0.5e-3, chosen=0))
    assert not choice.use_sparse
    assert choice.speed_up is None
    assert choice.reason == "TensorRT took sparse kernels for none of 8 eligible layers"


def test_a_builder_that_says_nothing_leaves_it_to_the_measurement() -> None:
    choice = choose_sparse(record("nin", 1e-3), record("nin sparse24", 0.5e-3, chosen=None))
    assert choice.use_sparse
    assert "does not say" in choice.reason


def told(chosen: int | None, tactics: list[str] | None) -> dict[str, Any]:
    count = None if chosen is None else {"number": chosen, "names": None}
    sparsity = {"eligible": {"number": 8, "names": None}, "chosen": count, "sparse_tactics": tactics}
    return {"engine_told": {"sparsity": sparsity}}


@pytest.mark.parametrize(
    ("chosen", "tactics", "used", "words"),
    [
        (None, ["C2"], True, "TensorRT took sparse kernels for 1 of 8 eligible layers; with them"),
        (None, [], False, "TensorRT took sparse kernels for none of 8 eligible layers"),
        (2, ["C2", "C3"], True, "TensorRT took sparse kernels for 2 of 8 eligible layers; with them"),
        (2, [], True, "2 of 8 eligible layers by its builder's log, and for 0 by the engine's tactics; with them"),
        (2, None, True, "TensorRT took sparse kernels for 2 of 8 eligible layers; with them"),
    ],
)
def test_the_engine_s_tactics_are_the_second_proof(
    chosen: int | None, tactics: list[str] | None, used: bool, words: str
) -> None:
    choice = choose_sparse(record("nin", 1e-3), record("nin sparse24", 0.5e-3, details=told(chosen, tactics)))
    assert (choice.use_sparse, words in choice.reason) == (used, True), choice.reason


@pytest.mark.parametrize("broken", ["nin", "nin sparse24"])
def test_an_engine_that_failed_is_not_compared(broken: str) -> None:
    problem = Problem("build-failed", "no tactic")
    records = [record(name, 1e-3, problem=problem if name == broken else None) for name in ("nin", "nin sparse24")]
    choice = choose_sparse(*records)
    assert not choice.use_sparse
    assert "no tactic" in choice.reason
    assert ("with sparse" in choice.reason) == (broken == "nin sparse24")


def test_native_kernels_of_onnx_runtime_are_chosen_alike() -> None:
    choice = choose_sparse(record("nin", 1e-3, details={}), record("nin sparse", 0.5e-3, details={}, form="native"))
    assert choice.use_sparse
    assert choice.reason.startswith("native sparse kernels; with them it runs 2.0")
    slower = choose_sparse(record("nin", 1e-3, details={}), record("nin sparse", 1.1e-3, details={}, form="native"))
    assert not slower.use_sparse
    assert "the lower end is below 1.02" in slower.reason


def test_engines_that_never_met_in_a_round() -> None:
    plain, sparse = record("nin", 1e-3), record("nin sparse24", 0.5e-3)
    assert choose_sparse(plain, sparse._replace(rounds=[])).reason == "the two forms share no round"


def test_every_pair_of_a_run() -> None:
    """Pairs are found by network and precision; names decide nothing."""
    forms = [
        ("nin", "plain", "fp32"),
        ("sis1", "plain", "fp32"),
        ("sis1", "native", "fp32"),
        ("sis1", "sparse24", "int8"),
        ("sis1", "plain", "int8"),
        ("lost", "native", "fp32"),
        ("half", "plain", "fp32"),
        ("half", "native", "fp16"),
    ]
    latency_s = {"fp32": 1e-3, "fp16": 1e-3, "int8": 0.5e-3}
    records = [
        record(
            str(number),
            latency_s[precision] * (1.0 if form == "plain" else 0.9),
            network=network,
            form=form,
            precision=precision,
        )
        for number, (network, form, precision) in enumerate(forms)
    ]
    pairs = choices(records)
    assert [(choice.network, choice.form, choice.precision) for choice in pairs] == [
        ("sis1", "native", "fp32"),
        ("sis1", "sparse24", "int8"),
    ]
    assert [choice.label for choice in pairs] == ["sis1", "sis1 int8"]
    assert all(choice.use_sparse for choice in pairs)
    for choice in pairs:
        assert choice.speed_up is not None
        assert choice.speed_up.estimate == pytest.approx(1 / 0.9, rel=0.02), "over the plain form of its own precision"
    assert pairs == choices(records), "the same seed, the same answer"


def test_a_form_that_computes_another_function_is_never_advised() -> None:
    """However fast it is; and where the form without sparse kernels is wrong, there is nothing to compare."""
    forms = [record("nin", 1e-3), record("nin sparse24", 0.5e-3)]
    (choice,) = choices(forms, wrong={"nin sparse24"})
    assert (choice.use_sparse, choice.speed_up) == (False, None)
    assert choice.reason == "the form with sparse kernels does not compute the same function as on the host"
    assert choices(forms, wrong={"nin"}) == []


@pytest.mark.parametrize(("apart", "taken"), [(0.0, True), (0.06, False)])
def test_what_processes_differ_by_is_in_the_interval(apart: float, taken: bool) -> None:
    """Three processes: in each the sparse form is faster for certain, and by how much is another matter."""
    plain, sparse = (
        each._replace(rounds=[turn._replace(process=turn.round % 3) for turn in each.rounds])
        for each in (record("nin", 1e-3), record("nin sparse24", 0.91e-3))
    )
    rounds = [
        turn._replace(latencies_s=[(1 + apart * (turn.process - 1)) * value for value in turn.latencies_s])
        for turn in sparse.rounds
    ]
    assert choose_sparse(plain, sparse._replace(rounds=rounds)).use_sparse is taken
