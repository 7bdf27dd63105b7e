from typing import Any

import pytest
from results.factory import facts, network_entry

from sis_agent.runners.tensorrt.options import parse
from sis_agent.schema import Facts, NetworkJob
from sis_edge.backends.base import Gpu
from sis_edge.backends.tensorrt import TENSORRT, TensorRtSettings, strongly_typed
from sis_edge.bundles.manifest import Granularities, NetworkEntry, Variant
from sis_edge.bundles.sparse_form import Parity
from sis_edge.errors import BundleError, UsageError
from sis_edge.profiles import Board, DeviceProfile, Runtime, profile_model


def profile(sparse_24: bool = True, **settings: Any) -> DeviceProfile:
    return profile_model()(
        name="orin",
        title="Orin",
        board=Board(model="Orin", architecture="aarch64", cpu="A78AE", system="JetPack 6", verified=False),
        gpu=Gpu(name="Orin", compute_capability="8.7", fp16=True, int8=True, sparse_24=sparse_24),
        runtime=Runtime(runners=["tensorrt", "trtexec", "onnxruntime"], threads=[6]),
        tensorrt=TensorRtSettings(**settings),
    )


def jobs_for(entry: NetworkEntry, profile: DeviceProfile, facts: Facts | None = None) -> list[NetworkJob]:
    return TENSORRT.jobs(entry, profile.target("tensorrt", facts))


def variant(precision: str, runtime: str = "tensorrt") -> Variant:
    return Variant(
        name=precision,
        precision=precision,
        runtime=runtime,
        model=f"{precision}-{runtime}.onnx",
        golden_logits=f"{precision}-{runtime}.golden.npy",
        golden_tolerance=0.25,
        host_accuracy=0.9,
        fp32_accuracy=0.9,
        host_test_images=450,
        agreement=Parity(images=16, max_abs_difference=0.01, top1_agreement=1.0),
    )


SHAPE = {"input_shape": [3, 32, 32]}  # which trtexec has to be told
VARIANTS = (variant("int8", "onnxruntime"), variant("fp16"), variant("int8"))


def entry(conv: str = "nm", t_c: float = 0.5) -> NetworkEntry:
    units = Granularities(conv=conv, micro="neuron")
    return network_entry("cifar10-sis1", granularity=units, t_c=t_c, variants=VARIANTS)


def named(jobs: list[NetworkJob]) -> dict[str, NetworkJob]:
    found = {job.name: job for job in jobs}
    assert len(found) == len(jobs)
    for job in jobs:
        parse(job.options)  # the agent knows all of them
    return found


def test_a_2_in_4_network_has_an_engine_with_sparse_kernels_beside_each_that_can_use_them() -> None:
    found = named(jobs_for(entry(), profile(precisions=["fp16", "fp32", "int8"])))
    names = [
        "cifar10-sis1 fp16",
        "cifar10-sis1 fp16 (2:4 sparse kernels)",
        "cifar10-sis1",
        "cifar10-sis1 int8",
        "cifar10-sis1 int8 (2:4 sparse kernels)",
    ]
    assert list(found) == names
    assert [(job.form, job.precision, job.granularity) for job in found.values()] == [
        ("plain", "fp16", "nm"),
        ("sparse24", "fp16", "nm"),
        ("plain", "fp32", "nm"),
        ("plain", "int8", "nm"),
        ("sparse24", "int8", "nm"),
    ]
    assert all(job.network == "cifar10-sis1" for job in found.values())
    plain, sparse = found[names[0]], found[names[1]]
    assert plain.options == {"precision": "fp16", "sparse_weights": False, **SHAPE}
    assert sparse.options == {"precision": "fp16", "sparse_weights": True, **SHAPE}
    assert plain[1:3] == sparse[1:3]  # the same ONNX, the same logits
    fp32 = found["cifar10-sis1"]
    assert (fp32.golden_logits, fp32.golden_tolerance) == (entry().golden_logits, None)
    assert found["cifar10-sis1 int8"].model == "int8-tensorrt.onnx"


@pytest.mark.parametrize(
    ("conv", "t_c", "sparse_24"),
    [("kernel", 0.5, True), ("nm", 1.0, True), ("nm", 0.5, False)],
)
def test_where_sparse_kernels_cannot_help_there_is_one_engine(conv: str, t_c: float, sparse_24: bool) -> None:
    found = jobs_for(entry(conv, t_c), profile(sparse_24, precisions=["fp16"]))
    assert [(job.name, job.options["sparse_weights"]) for job in found] == [("cifar10-sis1 fp16", False)]


@pytest.mark.parametrize(
    ("version", "typed"), [("8.2.1.9", False), ("10.13.3.9", False), ("11.4.0.106", True), (None, False), ("?", False)]
)
def test_the_typed_onnx_goes_to_tensorrt_11(version: str | None, typed: bool) -> None:
    board = facts(packages={"tensorrt": version}, runners={"tensorrt": "available"})
    assert strongly_typed(board) is typed
    (job,) = jobs_for(entry("kernel"), profile(precisions=["fp16"]), board)
    assert job.model == ("fp16-tensorrt.onnx" if typed else entry().model)
    assert (job.golden_logits, job.golden_tolerance) == ("fp16-tensorrt.golden.npy", 0.25)


def test_the_profiles_settings_reach_the_builder() -> None:
    settings = {"workspace_bytes": 1 << 28, "optimization_level": 4, "timing_cache": False, "build_limit_s": 60.0}
    (job,) = jobs_for(entry("kernel"), profile(**settings))
    assert job.options == {**settings, "precision": "fp32", "sparse_weights": False, **SHAPE}


def test_what_a_board_can_spare_bounds_the_workspace() -> None:
    small = profile().model_copy(update={"runtime": Runtime(runners=["tensorrt"], threads=[4], memory_limit_bytes=512)})
    assert jobs_for(entry("kernel"), small)[0].options["workspace_bytes"] == 512


@pytest.mark.parametrize("module", ["available", "not installed"])
def test_trtexec_is_told_the_shape(module: str) -> None:
    """Whether or not the board has TensorRT's Python module too: --backend may have chosen."""
    board = facts(packages={}, runners={"tensorrt": module, "trtexec": "available"})
    (job,) = jobs_for(entry("kernel"), profile(), board)
    assert job.options["input_shape"] == [3, 32, 32]
    parse(job.options)


def test_what_is_missing_is_said() -> None:
    without = entry().model_copy(update={"variants": ()})
    with pytest.raises(BundleError, match="no fp16 form of cifar10-sis1 for TensorRT; build it again"):
        jobs_for(without, profile(precisions=["fp16"]))
    bare = profile().model_copy(update={"tensorrt": None})
    with pytest.raises(UsageError, match=r"no table \[tensorrt\]"):
        jobs_for(entry(), bare)
