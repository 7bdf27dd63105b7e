"""Every runner declares what stands inside the call that is timed, and what it declares is what it does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sis_agent import builtin
from sis_agent.lookup import Modules
from sis_agent.measure.packing import packed_network, unpacked_network, unpacked_timed_call
from sis_agent.runners.base import Session
from sis_agent.schema import NetworkRecord, TimedCall, TimedPart, to_json
from sis_agent.worker import worker

from .board import Board
from .networks import write_bundle

PARTS = TimedCall._fields[2:]
PLACES = ("inside", "outside", "none")


def sessions(module: Any) -> list[type[Session]]:
    """The classes of sessions that are written in a runner's package."""
    found: list[type[Session]] = []
    for kind in Session.__subclasses__():
        found += [kind, *kind.__subclasses__()]
    return [kind for kind in found if kind.__module__.startswith(module.__name__.rpartition(".")[0])]


def test_every_session_declares_all_that_is_its_own_to_say() -> None:
    runners = Modules(builtin.RUNNERS, "", answers=ValueError)
    kinds: set[type[Session]] = set()
    for name in builtin.RUNNERS:
        with runners.using(name) as module:
            kinds.update(sessions(module))
    assert {kind.__name__ for kind in kinds} >= {
        *("NullSession", "OnnxRuntimeSession", "OnnxRuntimeTensorSession", "TfliteSession"),
        *("TensorRtSession", "TensorRtTensorSession", "TrtexecSession", "TrtexecTensorSession"),
    }
    for kind in kinds:
        declared = kind.timed_call(object.__new__(kind))
        assert declared is not None, kind
        assert declared.clock == ("runtime" if kind.times_itself else "host")
        for name in PARTS:
            part = getattr(declared, name)
            is_workers = name in ("preprocessing", "postprocessing")
            assert (part is None) == is_workers, (kind, name)
            assert part is None or (part.where in PLACES and part.how), (kind, name)


def test_it_survives_the_journal() -> None:
    call = TimedCall("run", "host", TimedPart("inside", "a copy"), call_overhead=TimedPart("outside", "no call"))
    for timed_call in (call, None):
        network = NetworkRecord("a", 1, timed_call=timed_call)
        assert unpacked_network(json.loads(json.dumps(packed_network(network)))) == network
    assert unpacked_timed_call(to_json(call)) == call


def test_a_job_records_it_with_what_the_worker_does_before_and_after(board: Board) -> None:
    job = write_bundle(board.root / "bundles" / "real")
    board.put_job("j1", job._replace(rounds=1, networks=[each._replace(runner="null") for each in job.networks[:1]]))
    board.call("run", "--foreground", "--job-id", "j1")
    (network,) = board.record("j1").networks
    assert network.problem is None
    assert network.timed_call is not None
    assert network.timed_call.call == "nothing()"
    assert network.timed_call.preprocessing == TimedPart("none", "nothing is computed")


class _Loaded(Session):
    def timed_call(self) -> TimedCall | None:
        return TimedCall("call", "host")


def loaded(session: Session, computes: bool = True, **tensors: Any) -> TimedCall | None:
    start = {"runners": [], "threads": 1, "batch_size": 1, "cores": [], "preprocess": None}
    held = worker.Worker(start, lambda progress: None)
    held._sessions["a"], held._computes["a"] = session, computes
    held._tensors.update({"a": tensors} if tensors else {})
    return held.timed_call("a")


def test_preprocessing_is_named_by_what_is_given() -> None:
    images, tensors = loaded(_Loaded()), loaded(_Loaded(), x=np.zeros(1))
    assert images is not None
    assert tensors is not None
    assert images.preprocessing is not None
    assert (images.preprocessing.where, images.postprocessing and images.postprocessing.where) == ("outside", "none")
    assert tensors.preprocessing == TimedPart("none", "tensors are given as they are")
    assert loaded(Session()) is None, "a runner that declares nothing"


def test_onnxruntime_gives_a_new_array_each_time(tmp_path: Path) -> None:
    """As its declaration says: each output becomes an array."""
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [value("x", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "identity.onnx")
    session = ort.InferenceSession(tmp_path / "identity.onnx", providers=["CPUExecutionProvider"])
    x = np.zeros(4, dtype=np.float32)
    first, second = session.run(None, {"x": x})[0], session.run(None, {"x": x})[0]
    assert not np.shares_memory(first, x)
    assert not np.shares_memory(first, second)
