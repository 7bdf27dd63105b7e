"""Stored runs as a board would give them: the paper's networks, plausible latencies, made from a seed."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from results.boards import KINDS, record
from results.faults import FAULTS
from sis_agent.schema import (
    JOB_VERSION,
    RECORD_VERSION,
    Accuracy,
    Facts,
    GoldenCheck,
    Job,
    Memory,
    NetworkJob,
    NetworkRecord,
    Preprocess,
    Problem,
    Record,
    RoundSamples,
)
from sis_edge.bundles.manifest import (
    BUNDLE_VERSION,
    FileEntry,
    Granularities,
    Manifest,
    NetworkEntry,
    Provenance,
    Training,
)
from sis_edge.bundles.sparse_form import Parity
from sis_edge.results.schema import StoredRun

# name: t_c, t_p, CL, MP, MACs, paper's CIFAR-10 accuracy, host accuracy, latency [s]
NETWORKS: dict[str, tuple[float, float, int, int, int, float, float, float]] = {
    "nin": (1, 1, 806_976, 152_128, 222_099_456, 0.8894, 0.9733, 9.21e-3),
    "cifar10-sis1": (0.25, 1, 201_522, 152_128, 106_600_000, 0.8872, 0.9511, 8.74e-3),
    "cifar10-sis2": (0.5, 0.5, 203_475, 63_008, 69_900_000, 0.8745, 0.9600, 4.92e-3),
    "cifar10-sis3": (1, 0.25, 212_544, 28_240, 57_700_000, 0.8646, 0.9422, 2.81e-3),
}
HASH = "0123456789abcdef" * 4


def samples(latency_s: float, rounds: int, per_round: int, seed: int, place: int = 0) -> list[RoundSamples]:
    """Turns of the network at this `place` of the list, in an order that each round draws for all networks."""
    generator = np.random.default_rng(seed)
    orders = [np.random.default_rng([7, number]).permutation(len(NETWORKS)) for number in range(rounds)]
    drift = 1 + 0.03 * np.sin(np.arange(rounds) / 5)
    return [
        RoundSamples(
            number,
            int(orders[number][place]),
            (number * len(NETWORKS) + int(orders[number][place])) * 0.2 * max(1.0, per_round / 20),
            [float(value) for value in latency_s * drift[number] * generator.lognormal(0, 0.02, per_round)],
        )
        for number in range(rounds)
    ]


def network_entry(name: str, dataset: str = "digits", **changes: Any) -> NetworkEntry:
    t_c, t_p, conv, micro, macs, paper, host, _ = NETWORKS[name]
    values: dict[str, Any] = {
        "name": name,
        "granularity": Granularities(conv="kernel", micro="neuron"),
        "t_c": t_c,
        "t_p": t_p,
        "graph_seed": 0,
        "graph_sha256": HASH,
        "conv_synapses": conv,
        "micro_synapses": micro,
        "synapses": conv + micro,
        "architectural_efficiency": 959_104 / (conv + micro),
        "macs": macs,
        "macs_live": macs - 1000,
        "mac_ratio": 222_099_456 / macs,
        "paper_accuracy": paper if dataset == "cifar10" else None,
        "model": f"networks/{name}/model.onnx",
        "graph": f"networks/{name}/graph.npz",
        "golden_logits": f"networks/{name}/golden_logits.npy",
        "parity": Parity(images=16, max_abs_difference=3.2e-6, top1_agreement=1.0),
        "training": Training(
            epochs=4,
            seed=0,
            recipe="SGD, one cycle",
            precision="32-true",
            train_images=1297,
            host_accuracy=host,
            host_test_images=450,
        ),
    }
    return NetworkEntry(**(values | changes))


def network_record(name: str, rounds: int = 30, per_round: int = 20, seed: int = 0) -> NetworkRecord:
    conv, micro, _, _, host, latency_s = NETWORKS[name][2:]
    model_bytes = 4 * (conv + micro) + 9_000
    return NetworkRecord(
        name,
        model_bytes,
        load_s=0.021 + model_bytes * 2e-9,
        first_inference_s=latency_s * 1.7,
        memory=Memory(31_000_000, 36_000_000 + model_bytes, 44_000_000 + 3 * model_bytes),
        golden=GoldenCheck(16, 4.8e-6, 9.1e-7, 1.0, True),
        accuracy=Accuracy(450, round(450 * host)),
        warmup_latencies_s=[latency_s * 1.2] * 12,
        warmup_steady=True,
        rounds=samples(latency_s, rounds, per_round, seed + list(NETWORKS).index(name), list(NETWORKS).index(name)),
        network=name,
        granularity="kernel",
    )


def facts(**changes: Any) -> Facts:
    known = Facts(
        machine="x86_64",
        model="QEMU Standard PC",
        kernel="6.18.2",
        os_name="Debian GNU/Linux 12 (bookworm)",
        glibc="2.36",
        python="3.11.2",
        cpu_model="Intel(R) Xeon(R) CPU @ 2.80GHz",
        cpu_count=2,
        memory_total_bytes=8_300_000_000,
        memory_available_bytes=6_100_000_000,
        swap_total_bytes=0,
        load_average_1min=0.42,
        governor="performance",
        cpu_frequency_hz=[2.8e9, 2.8e9],
        temperatures_c={"cpu-thermal": 46.5},
        packages={"onnxruntime": "1.23.2", "numpy": "2.4.6"},
        runners={"onnxruntime": "1.23.2"},
        hostname="bench",
    )
    return known._replace(**changes)


def failed(name: str, message: str = "the model needs opset 13, this onnxruntime reads up to 12") -> NetworkRecord:
    return NetworkRecord(name, 1_000_000, problem=Problem("runner", message), network=name)


def stored_run(
    networks: list[NetworkRecord] | None = None,
    *,
    names: tuple[str, ...] = tuple(NETWORKS),
    dataset: str = "digits",
    dense: str | None = "nin",
    run_id: str = "20261122-a1b2c3",
    stored_at: datetime = datetime(2026, 11, 22, 20, 51, tzinfo=UTC),
    profile: str = "local",
    board: str = "local",
    facts_before: Facts | None = None,
    simulated: bool = False,
    problem: Problem | None = None,
    rounds: int = 30,
    per_round: int = 20,
    entries: tuple[NetworkEntry, ...] | None = None,
) -> StoredRun:
    entries = entries or tuple(network_entry(name, dataset) for name in names)
    networks = [network_record(name, rounds, per_round) for name in names] if networks is None else networks
    preprocess = Preprocess([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
    job = Job(
        JOB_VERSION,
        "fedcba9876543210",
        [NetworkJob(entry.name, entry.model, entry.golden_logits, network=entry.name) for entry in entries],
        "data/golden_inputs.npy",
        1e-3,
        preprocess,
        rounds=rounds,
        inferences_per_round=per_round,
        reference=dense if dense in [entry.name for entry in entries] else None,
    )
    before = facts_before or facts()
    return StoredRun(
        stored_at=stored_at,
        profile=profile,
        board=board,
        bundle_id="fedcba9876543210",
        manifest=Manifest(
            bundle_version=BUNDLE_VERSION,
            build_key=HASH,
            name=f"{profile}-{dataset}",
            profile=profile,
            dataset=dataset,
            dataset_sha256=HASH,
            preprocess=preprocess,
            golden_tolerance=1e-3,
            golden_inputs="data/golden_inputs.npy",
            golden_images=16,
            test_images="data/test_images.npy",
            test_labels="data/test_labels.npy",
            test_image_count=450,
            reference=dense,
            networks=entries,
            provenance=Provenance(
                sis_edge="0.1.0",
                created_at="2026-11-22T20:40:00+00:00",
                python="3.11.9",
                packages={"torch": "2.13.0", "onnx": "1.19.0"},
                host_machine="x86_64",
                host_cpu="Intel(R) Xeon(R) CPU @ 2.80GHz",
            ),
            files=tuple(
                FileEntry(path=path, sha256=HASH, size_bytes=1000)
                for path in (
                    "data/golden_inputs.npy",
                    "data/test_images.npy",
                    "data/test_labels.npy",
                    *(path for entry in entries for path in (entry.model, entry.graph, entry.golden_logits)),
                )
            ),
        ),
        record=Record(
            RECORD_VERSION,
            run_id,
            "0123456789ab",
            job,
            "2026-11-22T20:50:12+00:00",
            41.7,
            before,
            before._replace(load_average_1min=1.37, temperatures_c={"cpu-thermal": 58.0}),
            {"threads": 1, "providers": ["CPUExecutionProvider"]},
            networks,
            "perf_counter_ns",
            1e-9,
            simulated,
            problem,
        ),
    )


def tensorrt_run(gain: float = 1.2) -> StoredRun:
    """Dense NiN and SiS#1 in fp16, without and with sparse kernels, which make it so many times as fast."""
    run = stored_run(names=("nin", "cifar10-sis1"))
    told = {name: {"number": 2, "names": None} for name in ("eligible", "chosen")}
    plain = network_record("cifar10-sis1")._replace(name="cifar10-sis1 fp16", precision="fp16")
    rounds = [turn._replace(latencies_s=[value / gain for value in turn.latencies_s]) for turn in plain.rounds]
    sparse = plain._replace(
        name="cifar10-sis1 fp16 (2:4 sparse kernels)",
        form="sparse24",
        rounds=rounds,
        details={"engine_told": {"sparsity": told}},
    )
    entry = run.record.job.networks[1]
    jobs = [
        entry._replace(name=record.name, options={"precision": "fp16"}, form=record.form, precision=record.precision)
        for record in (plain, sparse)
    ]
    job = run.record.job._replace(networks=[run.record.job.networks[0], *jobs], runner="tensorrt")
    record = run.record._replace(job=job, networks=[run.record.networks[0], plain, sparse])
    return run.model_copy(update={"record": record})


def board_run(kind: str, fault: str | None = None, severity: float = 0.6, **changes: Any) -> StoredRun:
    """The same networks on a generated board with its states and power, in which a fault may be injected."""
    base = stored_run(profile=kind, **changes)
    made = record(KINDS[kind], 3)
    if fault is not None:
        made = FAULTS[fault].inject(made, severity, np.random.default_rng(2))
    known = facts(machine=KINDS[kind].machine, model=kind, power_mode=KINDS[kind].mode, simulated=True)
    networks = [
        network._replace(rounds=timed.rounds)
        for network, timed in zip(base.record.networks, made.networks, strict=True)
    ]
    made = made._replace(
        run_id=base.record.run_id,
        networks=networks,
        facts_before=known,
        facts_after=known,
        runner_details=base.record.runner_details | {"harness_latencies_s": [3e-6, 4e-6, 5e-6]},
    )
    return base.model_copy(update={"record": made})
