"""Half precision with native sparse kernels from a profile of an aarch64 board to the bundle and the job."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_build import plan_in

from sis_edge import profiles
from sis_edge.board.jobs import job_for
from sis_edge.build.pipeline import build
from sis_edge.bundles.verify import problems
from sis_edge.profiles import DeviceProfile, validate


def pi(**onnxruntime: object) -> DeviceProfile:
    content = profiles.load("raspberry-pi-5").model_dump()
    settings = {"precisions": ["fp32", "fp16"], "sparse": True} | onnxruntime
    return validate({**content, "onnxruntime": {**content["onnxruntime"], **settings}})


def test_no_profile_of_ours_asks_for_it() -> None:
    assert not any(profiles.load(name).wants_native_half for name in profiles.names())


@pytest.mark.slow
def test_who_asks_gets_a_variant_with_its_own_check(tmp_path: Path) -> None:
    bundle = build(plan_in(tmp_path / "build", profile=pi())).bundle
    assert problems(bundle) == []
    (half,) = bundle.manifest.networks[0].variants
    assert (half.name, half.form, half.precision, half.runtime) == ("fp16-native", "native", "fp16", "onnxruntime")
    assert half.library == "native/aarch64/libsis_edge.so"
    assert half.agreement.images == half.host_test_images == 40
    golden = np.load(bundle.path / half.golden_logits)
    assert 0 < half.agreement.max_abs_difference < half.golden_tolerance == 0.02 * np.abs(golden).max()
    assert [node.op_type for node in onnx.load(bundle.path / half.model).graph.node] == ["SparseChain"]
    jobs = {job.name: job for job in job_for(bundle, pi()).networks}
    job = jobs["small fp16 (native kernels)"]
    assert (job.golden_logits, job.golden_tolerance) == (half.golden_logits, half.golden_tolerance)
    assert not any("fp16" in each.name for each in job_for(bundle, pi(precisions=["fp32"])).networks)
