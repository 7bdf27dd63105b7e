"""The stand-ins have the names of their version and no others, and fail as the real ones do."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .board_with_gpu import STANDINS, VERSIONS, install
from .networks import model

SURFACE = json.loads((STANDINS / "surface.json").read_text())

# What went, and in which of the versions it is gone.
REMOVED = [
    ("IBuilderConfig", "set_memory_pool_limit", {"8.2.1"}),
    ("IBuilderConfig", "max_workspace_size", {"10.3.0", "10.13.3.9", "11.4.0.106"}),
    ("IBuilderConfig", "builder_optimization_level", {"8.2.1", "8.5.2"}),
    ("IExecutionContext", "set_tensor_address", {"8.2.1"}),
    ("IExecutionContext", "execute_async_v3", {"8.2.1"}),
    ("IExecutionContext", "execute_async_v2", {"10.3.0", "10.13.3.9", "11.4.0.106"}),
    ("ICudaEngine", "num_bindings", {"10.3.0", "10.13.3.9", "11.4.0.106"}),
    ("ICudaEngine", "device_memory_size", {"11.4.0.106"}),
    ("ICudaEngine", "device_memory_size_v2", {"8.2.1", "8.5.2", "8.6.1"}),
    ("Builder", "build_engine", {"10.3.0", "10.13.3.9", "11.4.0.106"}),
    ("Builder", "platform_has_fast_fp16", {"11.4.0.106"}),
    ("BuilderFlag", "FP16", {"11.4.0.106"}),
    ("NetworkDefinitionCreationFlag", "EXPLICIT_BATCH", {"11.4.0.106"}),
]


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that gives the module of a version, in this process."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(STANDINS))

    def make(version: str) -> Any:
        class Module:
            pass

        names: dict[str, Any] = {}
        importlib.import_module("standin_tensorrt").populate(names, version)
        for name, value in names.items():
            setattr(Module, name, value)
        return Module

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("standin_"):
            del sys.modules[name]


@pytest.mark.parametrize("version", VERSIONS)
def test_only_the_names_of_the_version(version: str, standin: Any) -> None:
    trt = standin(version)
    assert trt.__version__ == version
    for name, text in SURFACE[version]["classes"].items():
        if name == "IHostMemory":
            continue  # a buffer, whose class is its size's; nobody makes one by its name
        assert {key for key in vars(getattr(trt, name)) if not key.startswith("_")} == set(text.split())
    for name, text in SURFACE[version]["enums"].items():
        assert list(getattr(trt, name).__members__) == text.split()
    for owner, name, gone in REMOVED:
        assert hasattr(getattr(trt, owner), name) == (version not in gone), (owner, name)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_name_that_the_version_lacks_cannot_be_set(version: str, standin: Any) -> None:
    trt = standin(version)
    config = trt.Builder(Listener(trt)).create_builder_config()
    with pytest.raises(AttributeError, match="no attribute 'workspace'"):
        config.workspace = 1
    if version.startswith("1"):
        with pytest.raises(AttributeError, match="max_workspace_size"):
            config.max_workspace_size = 1 << 20


class Listener:
    """A logger that is no logger of TensorRT's; `made` gives one that is."""

    def __new__(cls, trt: Any) -> Any:
        class Logger(trt.ILogger):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                trt.ILogger.__init__(self)
                self.errors: list[str] = []

            def log(self, severity: Any, msg: str) -> None:
                if severity.name == "ERROR":
                    self.errors.append(msg)

        return Logger()


class Recorder:
    """An error recorder."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def report_error(self, code: Any, text: str) -> None:
        self.texts.append(text)


def parsed(trt: Any, logger: Any, flags: int) -> tuple[Any, Any, bool]:
    builder = trt.Builder(logger)
    network = builder.create_network(flags)
    return builder, network, trt.OnnxParser(network, logger).parse(model("dense").SerializeToString())


def test_calls_in_the_wrong_order_fail_as_documented(standin: Any) -> None:
    trt = standin("8.2.1")
    logger = Listener(trt)
    explicit = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    assert parsed(trt, logger, 0)[2] is False
    assert "explicit batch" in logger.errors[-1]
    builder, network, read = parsed(trt, logger, explicit)
    assert read
    assert builder.build_serialized_network(network, builder.create_builder_config()) is None
    assert "no optimization profile" in logger.errors[-1]
    builder.error_recorder = recorder = Recorder()
    assert builder.build_serialized_network(network, builder.create_builder_config()) is None
    assert "no optimization profile" in recorder.texts[-1]
    assert trt.Runtime(logger).deserialize_cuda_engine(b"something") is None
    assert "Magic tag" in logger.errors[-1]

    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    profile.set_shape("input", (1, 3, 8, 8), (1, 3, 8, 8), (1, 3, 8, 8))
    config.add_optimization_profile(profile)
    plan = bytes(builder.build_serialized_network(network, config))
    context = trt.Runtime(logger).deserialize_cuda_engine(plan).create_execution_context()
    assert context.execute_async_v2([1, 1], 0) is False
    assert "shapes" in logger.errors[-1]
    assert context.set_binding_shape(0, (2, 3, 8, 8)) is False
    assert "outside of the profile" in logger.errors[-1]

    other = standin("10.3.0")
    logger = Listener(other)
    assert other.Runtime(logger).deserialize_cuda_engine(plan) is None
    assert "not compatible" in logger.errors[-1]


def test_a_parser_error_says_where(standin: Any) -> None:
    trt = standin("10.3.0")
    logger = Listener(trt)
    strange = model("dense")
    strange.graph.node[2].op_type = "Dance"
    parser = trt.OnnxParser(trt.Builder(logger).create_network(0), logger)
    assert not parser.parse(strange.SerializeToString())
    assert parser.num_errors == 1
    assert parser.get_error(0).node() == 2
    assert parser.get_error(0).code() == trt.ErrorCode.UNSUPPORTED_NODE
    assert "Dance" in parser.get_error(0).desc()


def test_without_a_device_the_process_dies(tmp_path: Path) -> None:
    environment = install(tmp_path, "10.3.0")
    code = "import tensorrt as trt; trt.Runtime(trt.Logger())"
    done = subprocess.run([sys.executable, "-c", code], env={**environment, "STANDIN_GPUS": "0"}, capture_output=True)
    assert done.returncode == -11


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("is_fixed", [True, False])
def test_two_contexts_of_one_engine(version: str, is_fixed: bool, standin: Any) -> None:
    """Before TensorRT 10 they cannot share a profile of open shapes; a network of one shape needs none."""
    trt = standin(version)
    logger = Listener(trt)
    explicit = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    builder, network, _ = parsed(trt, logger, 0 if explicit is None else 1 << int(explicit))
    config = builder.create_builder_config()
    if is_fixed:
        network.get_input(0).shape = [2, 3, 8, 8]
    else:
        profile = builder.create_optimization_profile()
        profile.set_shape("input", (2, 3, 8, 8), (2, 3, 8, 8), (2, 3, 8, 8))
        config.add_optimization_profile(profile)
    engine = trt.Runtime(logger).deserialize_cuda_engine(bytes(builder.build_serialized_network(network, config)))
    contexts = [engine.create_execution_context() for _ in range(2)]
    fits = [
        context.set_input_shape("input", (2, 3, 8, 8))
        if hasattr(context, "set_input_shape")
        else context.set_binding_shape(0, (2, 3, 8, 8))
        for context in contexts
    ]
    assert fits == [True, is_fixed or version.startswith("1")]
    assert any("Profile 0 has been chosen" in text for text in logger.errors) == (not all(fits))
