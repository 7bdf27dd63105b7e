"""The stand-in's builder, ONNX parser and network: from an ONNX file to a plan. CPython 3.6."""

import hashlib
import json
import pathlib
import struct

import standin_device as device
import standin_onnx
from standin_names import (
    ILayer,
    ITensor,
    NamedParserError,
    ParserError,
    Severity,
    attribute,
    host_memory,
    need_device,
    report,
)

MAGIC = b"standin-plan"

KINDS = {
    "Conv": "CONVOLUTION",
    "Relu": "ACTIVATION",
    "MaxPool": "POOLING",
    "AveragePool": "POOLING",
    "GlobalAveragePool": "REDUCE",
    "ReduceMean": "REDUCE",
    "Flatten": "SHUFFLE",
    "Reshape": "SHUFFLE",
    "MatMul": "MATRIX_MULTIPLY",
    "Gemm": "MATRIX_MULTIPLY",
    "Add": "ELEMENTWISE",
    "Cast": "CAST",
    "QuantizeLinear": "QUANTIZE",
    "DequantizeLinear": "DEQUANTIZE",
    "Identity": "IDENTITY",
    "Dropout": "IDENTITY",
    "Constant": "CONSTANT",
    "Clip": "ACTIVATION",
    "Concat": "CONCATENATION",
    "Gather": "GATHER",
}


def make_builder(maker):
    class Builder:
        error_recorder = attribute()
        platform_has_fast_fp16 = True

        def __init__(self, logger):
            if not maker.is_rtx:  # which builds for GPUs that are elsewhere
                need_device()
            assert logger._ready, "ILogger.__init__ was not called"
            self._logger = logger = maker.registered(logger)
            logger.log(Severity.INFO, "[MemUsageChange] Init CUDA: CPU +0, GPU +0, now: CPU 100, GPU 2000 (MiB)")

        @property
        def platform_has_fast_int8(self):
            return device.capability() >= (6, 1) and device.capability() != (6, 2)

        def create_network(self, flags=0):
            known = maker.enums["NetworkDefinitionCreationFlag"]
            if flags >> len(known.__members__):
                raise TypeError("create_network(): incompatible function arguments")
            explicit = maker.major >= 10
            if not explicit:
                explicit = bool(flags & 1 << known.EXPLICIT_BATCH)
            strong = not maker.weak or bool("STRONGLY_TYPED" in known.__members__ and flags & 1 << known.STRONGLY_TYPED)
            return maker.new(
                "INetworkDefinition", _explicit=explicit, _strong=strong, _graph=None, _given={}, _logger=self._logger
            )

        def create_builder_config(self):
            flags = {maker.enums["BuilderFlag"].TF32}
            return maker.new(
                "IBuilderConfig",
                _flags=flags,
                _profiles=[],
                _cache=None,
                _pools={},
                _sources=(1 << len(maker.enums["TacticSource"].__members__)) - 1,
                _logger=self._logger,
                _capabilities={},
            )

        def create_optimization_profile(self):
            return maker.new("IOptimizationProfile", _shapes={})

        def build_serialized_network(self, network, config):
            plan = built(maker, self, network, config)
            return None if plan is None else host_memory(maker.surface["IHostMemory"], plan)

    return "Builder", vars(Builder)


def make_config(maker):
    class IBuilderConfig:
        max_workspace_size = attribute(0)
        builder_optimization_level = attribute(3)
        profiling_verbosity = attribute(maker.enums["ProfilingVerbosity"].LAYER_NAMES_ONLY)
        int8_calibrator = attribute()
        num_compute_capabilities = attribute(0)

        def set_compute_capability(self, capability, index):
            assert isinstance(capability, maker.enums["ComputeCapability"])
            assert index < self.num_compute_capabilities
            self._capabilities[index] = [int(capability.name[2:-1]), int(capability.name[-1])]
            return True

        def set_flag(self, flag):
            assert isinstance(flag, maker.enums["BuilderFlag"])
            self._flags.add(flag)

        def clear_flag(self, flag):
            assert isinstance(flag, maker.enums["BuilderFlag"])
            self._flags.discard(flag)

        def get_flag(self, flag):
            return flag in self._flags

        def set_memory_pool_limit(self, pool, size):
            assert isinstance(pool, maker.enums["MemoryPoolType"])
            self._pools[pool.name] = size

        def get_memory_pool_limit(self, pool):
            return self._pools.get(pool.name, device.TOTAL_BYTES)

        def set_tactic_sources(self, sources):
            if sources >= 1 << len(maker.enums["TacticSource"].__members__):
                return False
            object.__setattr__(self, "_sources", sources)
            return True

        def get_tactic_sources(self):
            return self._sources

        def add_optimization_profile(self, profile):
            self._profiles.append(profile)
            return len(self._profiles) - 1

        def create_timing_cache(self, data):
            head = f"standin-timing {maker.version}\n".encode()
            if data and not bytes(data).startswith(head):
                report(self, self._logger, "The timing cache cannot be read")
                return None
            return maker.new("ITimingCache", _data=bytes(data) or head)

        def set_timing_cache(self, cache, ignore_mismatch):
            self._cache = cache
            return True

        def get_timing_cache(self):
            return self._cache

    return "IBuilderConfig", vars(IBuilderConfig)


def make_timing_cache(maker):
    class ITimingCache:
        def serialize(self):
            return host_memory(maker.surface["IHostMemory"], self._data)

    return "ITimingCache", vars(ITimingCache)


def make_profile(maker):
    class IOptimizationProfile:
        def set_shape(self, input, min, opt, max):
            if not all(low <= best <= high for low, best, high in zip(min, opt, max)):  # noqa: B905
                raise ValueError("The shapes of an optimization profile must not fall from min to max")
            self._shapes[input] = [tuple(min), tuple(opt), tuple(max)]

    return "IOptimizationProfile", vars(IOptimizationProfile)


def make_network(maker):
    kinds, types = maker.enums["LayerType"], maker.enums["DataType"]

    def typed(network, node):
        """The type of a node's output: half behind half weights where types are strong, else what the ONNX says."""
        weight = network._graph.weight_of(node) if node.op in ("Conv", "MatMul", "Gemm") else None
        half = weight is not None and weight.data_type == standin_onnx.FLOAT16
        return types.HALF if half else types.FLOAT

    def end_type(network, name):
        return types[network._graph.type_of(name, types.__members__)]

    class Input(ITensor):
        """A network's input, whose shape is the application's to set where the ONNX leaves it open."""

        def __init__(self, network, index):
            name, shape = network._graph.inputs[index]
            ITensor.__init__(self, name, network._given.get(name, shape), end_type(network, name))
            self._network = network

        def __setattr__(self, key, value):
            if key == "shape" and hasattr(self, "_network"):
                declared = dict(self._network._graph.inputs)[self.name]
                assert len(value) == len(declared)
                assert all(old in (-1, new) for old, new in zip(declared, value)), "a size that the ONNX fixes"  # noqa: B905
                self._network._given[self.name] = tuple(value)
            object.__setattr__(self, key, value)

    class INetworkDefinition:
        @property
        def num_inputs(self):
            return len(self._graph.inputs)

        @property
        def num_outputs(self):
            return len(self._graph.outputs)

        @property
        def num_layers(self):
            return len(self._graph.nodes)

        def get_input(self, index):
            return Input(self, index)

        def get_output(self, index):
            name, shape = self._graph.outputs[index]
            return ITensor(name, shape, end_type(self, name))

        def get_layer(self, index):
            node = self._graph.nodes[index]
            kind = getattr(kinds, KINDS[node.op], kinds.IDENTITY)
            outputs = [ITensor(name, (), typed(self, node)) for name in node.outputs]
            return ILayer(node.name or node.outputs[0], kind, outputs)

    return "INetworkDefinition", vars(INetworkDefinition)


def make_parser(maker):
    codes = maker.enums["ErrorCode"]

    class OnnxParser:
        def __init__(self, network, logger):
            self._network, self._logger, self._errors = network, maker.registered(logger), []

        @property
        def num_errors(self):
            return len(self._errors)

        def get_error(self, index):
            return self._errors[index]

        def clear_errors(self):
            self._errors.clear()

        def parse_from_file(self, path):
            try:
                return self._parse(pathlib.Path(path).read_bytes())
            except OSError:
                return self._fail(codes.MODEL_DESERIALIZE_FAILED, f"Failed to open file: {path}")

        def parse(self, model):
            return self._parse(bytes(model))

        def _parse(self, data):
            if not self._network._explicit:
                text = (
                    "This version of the ONNX parser only supports TensorRT INetworkDefinitions with an explicit batch"
                )
                return self._fail(codes.INVALID_GRAPH, text)
            try:
                graph = standin_onnx.Graph(data)
            except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError):
                return self._fail(codes.MODEL_DESERIALIZE_FAILED, "ModelImporter: Failed to parse the ONNX model")
            for index, node in enumerate(graph.nodes):
                if node.op not in KINDS:
                    text = f"No importer registered for op: {node.op}"
                    return self._fail(codes.UNSUPPORTED_NODE, text, index, node)
                if maker.major < 10 and node.op == "DequantizeLinear" and node.inputs[0] in graph.weights:
                    text = f"{node.name or node.outputs[0]}: only activation types allowed as input to this layer."
                    return self._fail(codes.INVALID_NODE, text, index, node)
            object.__setattr__(self._network, "_graph", graph)
            object.__setattr__(self._network, "_onnx", data)
            return True

        def _fail(self, code, text, index=-1, node=None):
            if maker.is_rtx:
                words = (node.name, node.op) if node else ()
                self._errors.append(NamedParserError(code, text, index, *words))
            else:
                self._errors.append(ParserError(code, text, index))
            self._logger.log(Severity.ERROR, text)
            return False

    return "OnnxParser", vars(OnnxParser)


def built(maker, builder, network, config):
    """A plan as bytes, or None with an error told."""
    logger = builder._logger
    if network._graph is None or not network._graph.outputs:
        report(builder, logger, "Network must have at least one output")
        return None
    flags, members = config._flags, maker.enums["BuilderFlag"].__members__
    shapes = {name: list(network._given.get(name, shape)) for name, shape in network._graph.inputs}
    profile = config._profiles[0]._shapes if config._profiles else {}
    if any(-1 in shape and name not in profile for name, shape in shapes.items()):
        report(builder, logger, "Network has dynamic or shape inputs, but no optimization profile has been defined.")
        return None
    quantised = any(node.op == "QuantizeLinear" for node in network._graph.nodes)
    if not network._strong and quantised and members["INT8"] not in flags:
        report(builder, logger, "Int8 precision has been set for a layer or layer output, but int8 is not configured")
        return None
    on = {flag.name for flag in flags}
    layers = [layer for node in network._graph.nodes for layer in planned(network, node, on)]
    if "SPARSE_WEIGHTS" in on:
        tell_sparsity(maker.major, logger, layers)
    if config._cache is not None and "DISABLE_TIMING_CACHE" not in on:
        config._cache._data += hashlib.sha256(network._onnx).hexdigest().encode() + b"\n"
    logger.log(Severity.INFO, "Engine generation completed in 0.1 seconds.")
    head = {
        "version": maker.version,
        "gpu": [] if maker.is_rtx else [device.name(), list(device.capability())],
        "capabilities": list(config._capabilities.values()),
        "inputs": shapes,
        "profile": {name: sizes for name, sizes in profile.items() if -1 in shapes.get(name, ())},
        "detailed": config.profiling_verbosity == maker.enums["ProfilingVerbosity"].DETAILED,
        "layers": layers,
    }
    text = json.dumps(head).encode()
    return MAGIC + struct.pack("<I", len(text)) + text + network._onnx


def planned(network, node, flags):
    """A node as a layer of the plan: sparse kernels for big 2:4 convolutions on a GPU that has them."""
    if node.op in ("QuantizeLinear", "DequantizeLinear", "Cast", "Constant", "Identity", "Dropout"):
        return []
    weight = network._graph.weight_of(node) if node.op == "Conv" else None
    reduced = bool(flags & {"FP16", "INT8"}) or (
        network._strong
        and weight is not None
        and (weight.data_type != standin_onnx.FLOAT or network._graph.is_quantised(node))
    )
    able = weight is not None and device.capability() >= (8, 0) and reduced and "SPARSE_WEIGHTS" in flags
    eligible = able and weight.is_2_in_4()
    chosen = eligible and weight.dims[1] * weight.dims[2] * weight.dims[3] >= 32
    kind = "sparse_conv" if chosen else "implicit_gemm"
    return [
        {
            "name": node.name or node.outputs[0],
            "kind": "CaskConvolution" if node.op == "Conv" else "NoOp",
            "tactic": f"sm80_xmma_fprop_{kind}_f16f16_tn_n" if weight is not None else "",
            "half": reduced,
            "eligible": eligible,
            "chosen": chosen,
        }
    ]


def tell_sparsity(major, logger, layers):
    eligible = [layer["name"] for layer in layers if layer["eligible"]]
    chosen = [layer["name"] for layer in layers if layer["chosen"]]
    say = logger.log
    if major < 10:
        say(Severity.INFO, "(Sparsity) Layers eligible for sparse math: " + ", ".join(eligible))
        say(
            Severity.INFO, "(Sparsity) TRT inference plan picked sparse implementation for layers: " + ", ".join(chosen)
        )
        return
    for text, names in (
        ("(Sparsity) Found {} layer(s) eligible to use sparse tactics", eligible),
        ("(Sparsity) Chose {} layer(s) using sparse tactics", chosen),
    ):
        say(Severity.INFO, text.format(len(names)))
        say(Severity.VERBOSE, text.format(len(names)) + ": " + ", ".join(names))
