"""Stored runs of networks that sis-edge did not form, with one runtime or two."""

from typing import Any

from results.factory import HASH, network_record, stored_run
from sis_agent.schema import Accuracy, GoldenCheck, NetworkJob, NetworkRecord, RoundSamples
from sis_edge.bundles.manifest import FileEntry, GivenNetwork, Manifest, TensorSpec
from sis_edge.results.schema import StoredRun

TIMES_LIKE = {"resnet": "nin", "mobilenet": "cifar10-sis2"}
"""Whose latencies each network has."""


def given_network(name: str, **changes: Any) -> GivenNetwork:
    values: dict[str, Any] = {
        "name": name,
        "model": f"given/{name}/model.onnx",
        "inputs": f"given/{name}/inputs.npz",
        "expected": f"given/{name}/expected.npz",
        "expected_from": "ONNX Runtime on this host",
        "labels": None,
        "golden_tolerance": 1e-3,
        "input_tensors": (
            TensorSpec(name="image", dtype="float32", shape=(1, 3, 224, 224)),
            TensorSpec(name="mask", dtype="int64", shape=(1, 10)),
        ),
        "output_tensors": (TensorSpec(name="scores", dtype="float32", shape=(1, 1000)),),
        "opset": 17,
        "source_name": f"my-{name}.onnx",
        "source_sha256": HASH,
        "inputs_are_random": True,
        "inputs_seed": 0,
        "parameters": 11_689_512,
        "macs": 1_814_073_344,
    }
    return GivenNetwork(**(values | changes))


def given_record(name: str, runner: str = "onnxruntime", slower: float = 1.0, **changes: Any) -> NetworkRecord:
    made = network_record(TIMES_LIKE.get(name, name))
    rounds = [turn._replace(latencies_s=[slower * value for value in turn.latencies_s]) for turn in made.rounds]
    golden = GoldenCheck(1, 4.8e-6, 9.1e-7, None, True)
    identity = {"name": name, "network": name.partition("@")[0], "granularity": None, "runner": runner}
    return made._replace(**({"rounds": rounds, "golden": golden, "accuracy": None} | identity | changes))


def given_run(
    *records: NetworkRecord, entries: tuple[GivenNetwork, ...] | None = None, reference: str | None = "resnet"
) -> StoredRun:
    entries = entries or tuple(map(given_network, TIMES_LIKE))
    networks = list(records) or [given_record(entry.name) for entry in entries]
    base = stored_run([], run_id="given")
    jobs = [
        NetworkJob(each.name, f"given/{each.network}/model.onnx", network=each.network, runner=each.runner)
        for each in networks
    ]
    data = base.manifest.model_dump() | {
        **dict.fromkeys(("dataset", "dataset_sha256", "preprocess", "golden_tolerance", "golden_inputs")),
        **dict.fromkeys(("golden_images", "test_images", "test_labels", "test_image_count")),
        "networks": (),
        "given": entries,
        "reference": reference,
        "files": [FileEntry(path=path, sha256=HASH, size_bytes=1) for entry in entries for path in entry.files],
    }
    job = base.record.job._replace(
        networks=jobs, golden_inputs=None, preprocess=None, reference=reference, runner=networks[0].runner
    )
    record = base.record._replace(job=job, networks=networks)
    return base.model_copy(update={"manifest": Manifest(**data), "record": record})


def two_runtimes(**changes: Any) -> StoredRun:
    """Both networks by TensorRT, and by ONNX Runtime in twice the time."""
    records = []
    for name, other in zip(TIMES_LIKE, ("cifar10-sis1", "cifar10-sis3"), strict=True):
        first, second = given_record(name, "tensorrt"), given_record(name, slower=2)
        places = network_record(other).rounds  # another network's, so that no two turns are at the same time
        records += [
            first._replace(rounds=_at(first.rounds, first.rounds)),
            second._replace(name=f"{name}@onnxruntime", rounds=_at(second.rounds, places)),
        ]
    return given_run(*records, **changes)


def _at(turns: list[RoundSamples], places: list[RoundSamples]) -> list[RoundSamples]:
    """These turns at the times of others, with room for slower ones."""
    pairs = zip(turns, places, strict=True)
    return [turn._replace(position=place.position, start_s=3 * place.start_s) for turn, place in pairs]


def labelled(name: str, correct: int, images: int = 100) -> NetworkRecord:
    """One whose labels are known: the last images are those that it gets wrong."""
    wrong = list(range(correct, images))
    return given_record(name, accuracy=Accuracy(images, correct, wrong, min(images, correct + 3)))
