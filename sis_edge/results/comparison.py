"""Stored runs as rows: one row a network, each compared with the dense network of the same run."""

from collections.abc import Iterable, Mapping, Sequence

from sis_agent.schema import NetworkRecord
from sis_edge.bundles.identity import PLAIN
from sis_edge.bundles.manifest import GivenNetwork
from sis_edge.errors import RecordError
from sis_edge.results.energy import NetworkEnergy, per_inference
from sis_edge.results.function import entries, other_function, wrong_functions
from sis_edge.results.rows.accuracy import Pair, accuracy_figures
from sis_edge.results.rows.dense import Dense, OverDense, dense_of_runtime, fastest_dense, over_dense
from sis_edge.results.rows.energy import energy_figures
from sis_edge.results.rows.golden import golden_figures
from sis_edge.results.rows.identity import network_identity
from sis_edge.results.rows.latency import latency_figures, round_latencies
from sis_edge.results.rows.row import Row
from sis_edge.results.rows.run import RunFigures, VerdictFigures, run_figures, verdict_figures
from sis_edge.results.rows.speed_up import SpeedUpFigures, speed_up_figures
from sis_edge.results.rows.start import memory_figures, start_figures
from sis_edge.results.rows.structure import ceiling, structure_figures, training_figures
from sis_edge.results.schema import KnownNetwork, StoredRun
from sis_edge.results.verdict import judge_run

__all__ = ["Row", "compare", "compare_all"]

FP32 = "fp32"

EMULATED = "the board is emulated: its times are the emulator's, and no speed or energy is claimed"


def compare(run: StoredRun, seed: int = 0) -> list[Row]:
    """The rows of one run, in the bundle's order; `seed` is the bootstrap's."""
    networks = run.networks()
    dense = next((pair for pair in networks if run.is_reference(*pair)), None)
    wrong = wrong_functions(run.record, entries(run))
    others = _dense_networks(run, dense, networks, wrong)
    shared, verdict, energies = run_figures(run), verdict_figures(judge_run(run)), per_inference(run)
    return [
        _row(
            run,
            pair,
            others,
            _compared(run, pair, networks),
            wrong,
            shared,
            verdict,
            energies.get(pair[1].name) if pair[1] else None,
            seed,
        )
        for pair in networks
    ]


def _dense_networks(run: StoredRun, dense: Pair | None, networks: Sequence[Pair], wrong: Mapping[str, str]) -> Dense:
    """What speed-ups are over: the reference; with several runtimes each one's dense network and the fastest too."""
    if len(run.runtimes) == 1:
        return Dense(dense)
    own = {runtime: dense_of_runtime(run, runtime, networks) for runtime in run.runtimes}
    return Dense(dense, own, fastest_dense(run, networks, list(wrong)))


def _compared(run: StoredRun, network: Pair, networks: Sequence[Pair]) -> Pair | None:
    """What an accuracy is compared with: the dense network in float32; for another precision its own float32."""
    entry, record = network
    own = record.network if record and entry.precision != FP32 else None
    target = own or run.manifest.reference
    found = [
        (other, measured)
        for other, measured in networks
        if (measured.network if measured else other.name) == target and (other.form, other.precision) == (PLAIN, FP32)
    ]
    if own and record:  # its own float32 with the same runtime, where that was measured
        found.sort(key=lambda pair: pair[1] is None or run.runtime(pair[1]) != run.runtime(record))
    return next(iter(found), None) or next(((other, None) for other in run.entries if other.name == target), None)


def _is_same_images(run: StoredRun, entry: KnownNetwork, other: KnownNetwork | None) -> bool:
    """Whether two accuracies are of the same images: the bundle's, or a user's with the very same labels."""
    if not isinstance(entry, GivenNetwork) or not isinstance(other, GivenNetwork):
        return isinstance(entry, GivenNetwork) == isinstance(other, GivenNetwork)
    sha256 = {file.path: file.sha256 for file in run.manifest.files}
    return sha256.get(entry.labels or "") == sha256.get(other.labels or "")


def compare_all(runs: Iterable[StoredRun], seed: int = 0) -> list[Row]:
    """The rows of several runs, run after run; raises RecordError where there is none."""
    rows = [row for run in runs for row in compare(run, seed)]
    if not rows:
        raise RecordError("there is no run to compare; `sis-edge deploy` measures one")
    return rows


def _row(
    run: StoredRun,
    network: Pair,
    denses: Dense,
    compared: Pair | None,
    wrong: Mapping[str, str],
    shared: RunFigures,
    verdict: VerdictFigures,
    energy: NetworkEnergy | None,
    seed: int,
) -> Row:
    (entry, record), dense = network, denses.reference
    name = (record.network if record else None) or entry.name
    problem = problem_of(run, record, wrong)
    unmeasured = problem or "the board did not report it"
    most = ceiling(entry, dense[0] if dense else None, _is_same_runtime(run, record, dense))
    if shared.emulated:
        speed_up, energies = SpeedUpFigures.unknown(EMULATED), energy_figures(None, EMULATED)
        own = fastest = OverDense.unknown(EMULATED)
    else:

        def over(other: Pair | None) -> SpeedUpFigures:
            bound = ceiling(entry, other[0] if other else None, _is_same_runtime(run, record, other))
            return speed_up_figures(network, other, bound, problem, wrong, seed)

        speed_up = over(dense)
        own, fastest = over_dense(network, run.runtime(record), denses, speed_up, over)
        energies = energy_figures(energy, problem or "no energy was measured of it")
    return Row(
        run=shared,
        identity=network_identity(entry, name, run.runtime(record), is_reference=run.is_reference(entry, record)),
        structure=structure_figures(entry, most),
        training=training_figures(entry),
        accuracy=accuracy_figures(
            network,
            compared,
            problem or no_accuracy(entry),
            _is_same_images(run, entry, compared[0] if compared else None),
        ),
        latency=latency_figures(record, unmeasured),
        speed_up=speed_up,
        own_dense=own,
        fastest_dense=fastest,
        start=start_figures(record, unmeasured),
        memory=memory_figures(record, unmeasured),
        energy=energies,
        golden=golden_figures(record, problem or _no_golden(entry)),
        problem=problem,
        verdict=verdict,
    )


def _is_same_runtime(run: StoredRun, record: NetworkRecord | None, dense: Pair | None) -> bool:
    return record is None or dense is None or dense[1] is None or run.runtime(record) == run.runtime(dense[1])


def no_accuracy(entry: KnownNetwork) -> str:
    """Why the board counted no accuracy, where nothing else says so."""
    return "no labels were given" if isinstance(entry, GivenNetwork) else "the bundle holds no test images"


def _no_golden(entry: KnownNetwork) -> str:
    """Why nothing was compared, where nothing else says so."""
    if isinstance(entry, GivenNetwork) and entry.expected is None:
        return f"no outputs to compare with: {entry.expected_from or 'none were given'}"
    return "the board did not report it"


def problem_of(run: StoredRun, record: NetworkRecord | None, wrong: Mapping[str, str]) -> str | None:
    """What went wrong with a network, in a sentence; None where it was measured and nothing did."""
    if record is not None and record.problem is not None:
        return record.problem.message
    if record is not None and record.name in wrong:
        return f"{other_function(entries(run)[record.name])}: {wrong[record.name]}"
    if round_latencies(record):
        return None
    if run.record.problem is not None:
        return f"the job ended early: {run.record.problem.message}"
    return "the job did not contain this network" if record is None else "no latency was recorded"
