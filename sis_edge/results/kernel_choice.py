"""Which form of a network counts: the one with sparse kernels, or the one without.

For TensorRT both are engines of one ONNX with 2:4 sparsity: it takes sparse kernels where its own timing of single
layers says that they are faster. For ONNX Runtime the cost model puts native kernels where they should be faster.
Whether the whole network is faster is for the measurement to say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.identity import NATIVE, PLAIN, label
from sis_edge.results.rows.latency import round_latencies, round_processes
from sis_edge.results.statistics import MIN_ROUNDS, SpeedUp, speed_up
from sis_edge.text.limits import with_limit

# Sparse kernels are used where the lower end of the speed-up's interval reaches this: below it the difference is not
# worth a second engine that has to be explained.
WORTH_IT = 1.02


@dataclass(frozen=True)
class SparseChoice:
    """Whether a network's form with sparse kernels is the one to use, and why, in a sentence.

    `form` is the sparse one's. `speed_up` is that of the sparse form over the one without; None where it could not be
    measured.
    """

    network: str
    form: str
    precision: str
    use_sparse: bool
    speed_up: SpeedUp | None
    reason: str

    @property
    def label(self) -> str:
        """The network in that precision, for people."""
        return label(self.network, PLAIN, self.precision)


def choose_sparse(plain: NetworkRecord, sparse: NetworkRecord, seed: int = 0, is_wrong: bool = False) -> SparseChoice:
    """Choose between two forms of a network, without and with sparse kernels, that were measured in the same rounds.

    The sparse one is used only where some layer runs sparse kernels and the lower end of the 95% interval of its
    speed-up is at least WORTH_IT, and never where it `is_wrong`: where it computes another function than on the host.
    """

    def choice(use_sparse: bool, measured: SpeedUp | None, reason: str) -> SparseChoice:
        return SparseChoice(sparse.network or sparse.name, sparse.form, sparse.precision, use_sparse, measured, reason)

    def no(reason: str, measured: SpeedUp | None = None) -> SparseChoice:
        return choice(False, measured, reason)

    for record, what in ((sparse, "the form with sparse kernels"), (plain, "the form without sparse kernels")):
        if record.problem is not None:
            return no(f"{what} could not be measured: {record.problem.message}")
    if is_wrong:
        return no("the form with sparse kernels does not compute the same function as on the host")
    eligible, chosen, shown = layers(sparse, "eligible"), layers(sparse, "chosen"), _tactics(sparse)
    if chosen is None:
        chosen = shown
    if chosen == 0:
        return no(f"TensorRT took sparse kernels for none of {_of_eligible(eligible)}")
    try:
        measured = speed_up(round_latencies(plain), round_latencies(sparse), seed, processes=round_processes(sparse))
    except ValueError as error:
        return no(str(error))
    if measured is None:
        return no("the two forms share no round")
    if measured.interval is None:
        return no(f"{measured.rounds} rounds are too few for an interval; {MIN_ROUNDS} are needed", measured)
    kernels = "TensorRT does not say for how many layers it took sparse kernels"
    if sparse.form == NATIVE:
        kernels = "native sparse kernels"
    elif chosen is not None:
        kernels = f"TensorRT took sparse kernels for {chosen} of {_of_eligible(eligible)}"
        if shown not in (None, chosen):
            kernels += f" by its builder's log, and for {shown} by the engine's tactics"
    low = measured.interval.low
    lower_end, least = with_limit(low, WORTH_IT, ".3f")
    figure = f"{measured.estimate:.3f}× (95% interval {lower_end} to {measured.interval.high:.3f})"
    if low < WORTH_IT:
        return no(f"{kernels}; with them it runs {figure} as fast, and the lower end is below {least}", measured)
    return choice(True, measured, f"{kernels}; with them it runs {figure} as fast")


def advice(choice: SparseChoice) -> str:
    """What to use of a network's two engines or forms, in a sentence that goes on from its name."""
    what = "form" if choice.form == NATIVE else "engine"
    return f"use the {what} {'with' if choice.use_sparse else 'without'} sparse kernels: {choice.reason}."


def choices(
    records: Sequence[NetworkRecord], seed: int = 0, wrong: Collection[str] = frozenset()
) -> list[SparseChoice]:
    """A choice for each network that was measured with sparse kernels and without.

    `wrong` names the records that compute another function than on the host: with a wrong form without sparse kernels
    there is nothing to compare and nothing to advise.
    """
    plain = {_same(record): record for record in records if record.form == PLAIN}
    pairs = [(plain.get(_same(record)), record) for record in records if record.form != PLAIN]
    return [
        choose_sparse(without, record, seed, is_wrong=record.name in wrong)
        for without, record in pairs
        if without is not None and without.name not in wrong
    ]


def _same(record: NetworkRecord) -> tuple[str | None, str, str | None]:
    """What two forms of a network have in common that can be chosen between."""
    return record.network, record.precision, record.runner


def layers(record: NetworkRecord, which: str) -> int | None:
    """How many layers the builder called `eligible` or `chosen`; None where it said nothing."""
    told: Mapping[str, Any] = record.details.get("engine_told", {}).get("sparsity", {})
    found = told.get(which)
    return None if found is None else int(found["number"])


def _tactics(record: NetworkRecord) -> int | None:
    """In how many layers the engine's own list of tactics shows sparse kernels; None where it shows none at all."""
    told: Mapping[str, Any] = record.details.get("engine_told", {}).get("sparsity", {})
    found = told.get("sparse_tactics")
    return None if found is None else len(found)


def _of_eligible(eligible: int | None) -> str:
    return "its layers" if eligible is None else f"{eligible} eligible layers"
