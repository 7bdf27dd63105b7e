"""A stand-in for TensorRT's tool trtexec of one version: the flags of that version and no others. CPython 3.6.

Its help begins with what the real one prints at every start; the mark in it says that it is a stand-in.
"""

import ctypes
import json
import pathlib
import sys
import time

import numpy
import standin_device as device
import standin_engine
import standin_names
import standin_tensorrt

# From samples/common/sampleOptions.cpp of these versions (samples/trtexecCommon in 11.4).
ALL = (
    "--help --onnx --saveEngine --loadEngine --minShapes --optShapes --maxShapes --shapes --noTF32 --verbose "
    "--timingCacheFile --noBuilderCache --profilingVerbosity --exportLayerInfo --exportTimes --exportOutput "
    "--loadInputs --tacticSources --sparsity --iterations --warmUp --duration --avgRuns --noDataTransfers "
    "--useCudaGraph --useSpinWait"
)
FLAGS = {
    "8.2.1": ALL + " --fp16 --int8 --workspace --buildOnly --streams",
    "10.3.0": ALL + " --fp16 --int8 --memPoolSize --builderOptimizationLevel --skipInference --infStreams",
    "11.4.0.106": ALL + " --memPoolSize --builderOptimizationLevel --skipInference --infStreams "
    "--includeDataTransfers --noCudaGraph --noSpinWait",
}
SOURCES = {
    "8.2.1": ["CUBLAS", "CUBLAS_LT", "CUDNN"],
    "10.3.0": ["CUBLAS", "CUBLAS_LT", "CUDNN", "EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"],
    "11.4.0.106": ["EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"],
}
WARMED_UP = 2


class Printer(standin_names.ILogger):
    def log(self, severity, msg):
        letter = "FEWIV"[severity]
        print(f"[01/01/2024-00:00:00] [{letter}] [TRT] {msg}")


def banner(version):
    """NV_TENSORRT_VERSION: thousands for the major number before 10, ten thousands from there on."""
    major, minor, patch = (int(part) for part in [*version.split("."), "0"][:3])
    code = major * (1000 if major < 10 else 10000) + minor * 100 + patch
    build = " [b9]" if major >= 10 else ""
    return f"&&&& RUNNING TensorRT.trtexec [TensorRT v{code}]{build} # trtexec"


def split(text):
    """`name:value,...` by name; the tool splits at commas, and at the last colon of each."""
    return dict(part.rsplit(":", 1) for part in text.split(",")) if text else {}


def shapes(text):
    return {name: tuple(int(size) for size in sizes.split("x")) for name, sizes in split(text).items()}


def streamed(value):
    """As a C++ stream writes it: six digits of a number, nan and inf as they are."""
    if isinstance(value, list):
        return "[" + ", ".join(streamed(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" : {streamed(part)}' for key, part in value.items()) + " }"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


class Failed(Exception):  # noqa: N818
    pass


def build(maker, words):
    logger = Printer()
    builder = maker.classes["Builder"](logger)
    creation = maker.enums["NetworkDefinitionCreationFlag"].__members__
    network = builder.create_network(1 << creation["EXPLICIT_BATCH"] if "EXPLICIT_BATCH" in creation else 0)
    if not maker.classes["OnnxParser"](network, logger).parse_from_file(words["--onnx"]):
        raise Failed("Failed to parse onnx file")
    config = builder.create_builder_config()
    flags = maker.enums["BuilderFlag"].__members__
    for name in ("fp16", "int8"):
        if "--" + name in words:
            config.set_flag(flags[name.upper()])
    if words.get("--sparsity") == "enable":
        config.set_flag(flags["SPARSE_WEIGHTS"])
    if words.get("--profilingVerbosity") == "detailed":
        config.profiling_verbosity = maker.enums["ProfilingVerbosity"].DETAILED
    given = [shapes(words.get(f"--{which}Shapes", "")) for which in ("min", "opt", "max")]
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    unknown = sorted(set(given[0]) - {tensor.name for tensor in inputs})
    if unknown:
        raise Failed(f'Cannot find input tensor with name "{unknown[0]}" in the network inputs!')
    is_open = any(-1 in tensor.shape for tensor in inputs)
    if given[0] and not is_open:
        text = "Static model does not take explicit shapes since the shape of inference tensors will be determined by "
        raise Failed(text + "the model itself")
    if is_open:
        profile = builder.create_optimization_profile()
        for tensor in inputs:
            ones = tuple(1 if size == -1 else size for size in tensor.shape)  # the tool's own choice
            profile.set_shape(tensor.name, *(sizes.get(tensor.name, ones) for sizes in given))
        config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Failed("Engine could not be created from network")
    pathlib.Path(words["--saveEngine"]).write_bytes(bytes(plan))
    if "--exportLayerInfo" in words:
        engine = maker.classes["Runtime"](logger).deserialize_cuda_engine(bytes(plan))
        text = engine.create_engine_inspector().get_engine_information(maker.enums["LayerInformationFormat"].JSON)
        pathlib.Path(words["--exportLayerInfo"]).write_text(text)


def run(maker, words):
    engine = maker.classes["Runtime"](Printer()).deserialize_cuda_engine(
        pathlib.Path(words["--loadEngine"]).read_bytes()
    )
    if engine is None:
        raise Failed("Engine deserialization failed")
    context, stream = engine.create_execution_context(), device.new_stream()
    bindings = not hasattr(context, "set_tensor_address")
    names = [name for name, _ in engine._tensors]
    given, known = split(words["--loadInputs"]), maker.enums["DataType"].__members__
    asked = shapes(words.get("--shapes", ""))
    for name in (*given, *asked):
        if name not in dict(engine._graph.inputs):
            raise Failed(f'Cannot find input tensor with name "{name}" in the engine bindings!')
    for index, (name, sizes) in enumerate(engine._tensors):
        if -1 in sizes and name in asked:
            fix = context.set_binding_shape if bindings else context.set_input_shape
            if not fix(index if bindings else name, asked[name]):
                raise Failed("Network has dynamic or shape inputs that do not fit")
    addresses = {}
    for name in names:
        kind = numpy.dtype(standin_engine.NUMPY[engine._graph.type_of(name, known)])
        size = kind.itemsize
        for part in standin_engine.shape_of(context, name):
            size *= part
        addresses[name] = device.allocate(max(1, size))
        if name in given:
            data = pathlib.Path(given[name]).read_bytes()
            if len(data) != size:
                raise Failed(f"Note: Unexpected file size for input file: {given[name]}. {name}: {len(data)}, {size}")
            ctypes.memmove(addresses[name], data, size)
    traces = []
    for _ in range(int(words["--iterations"]) + WARMED_UP):
        start_ms = time.perf_counter() * 1e3
        if bindings:
            context.execute_async_v2([addresses[name] for name in names], stream)
        else:
            for name in names:
                context.set_tensor_address(name, addresses[name])
            context.execute_async_v3(stream)
        device.synchronize(stream)
        end_ms = time.perf_counter() * 1e3
        into, out = ("In", "Out") if maker.major < 10 else ("H2d", "D2h")
        copies = 1 if maker.major < 11 or "--includeDataTransfers" in words else 0
        traces.append(
            {
                f"start{into}Ms": start_ms - 0.25,
                f"end{into}Ms": start_ms - 0.25 + 0.125 * copies,
                "startComputeMs": start_ms,
                "endComputeMs": end_ms,
                f"start{out}Ms": end_ms,
                f"end{out}Ms": end_ms + 0.0625 * copies,
                f"{into.lower()}Ms": 0.125 * copies,
                "computeMs": end_ms - start_ms,
                f"{out.lower()}Ms": 0.0625 * copies,
            }
        )
    if "--exportTimes" in words:
        pathlib.Path(words["--exportTimes"]).write_text(streamed(traces))
    if "--exportOutput" in words:
        tensors = []
        for name, _ in engine._graph.outputs:
            value = standin_engine.view(context, name, addresses[name], known)
            dimensions = "x".join(str(size) for size in value.shape)
            tensors.append({"name": name, "dimensions": dimensions, "values": value.ravel().tolist()})
        pathlib.Path(words["--exportOutput"]).write_text(streamed(tensors))


def main(version):
    print(banner(version))
    flags = FLAGS[version].split()
    words = {}
    for word in sys.argv[1:]:
        name, _, value = word.partition("=")
        if name not in flags:
            print(f"[01/01/2024-00:00:00] [E] Unknown option: {name} {value}")
            return 1
        words[name] = value
    if "--help" in words:
        print("__sis_simulated__")
        print("\n".join(f"  {name}=<spec>  " for name in flags))
        named = "|".join(f'"{name}"' for name in SOURCES[version])
        print(f'  Tactic Sources: tactics ::= tactic[","tactics]\n    lib ::= {named}\n  For example, to disable ...')
        return 0
    if device.count() < 1:
        print("[01/01/2024-00:00:00] [E] Cuda failure: no CUDA-capable device is detected")
        return 1
    maker = standin_tensorrt.Maker(version)
    try:
        run(maker, words) if "--loadEngine" in words else build(maker, words)
    except Failed as error:
        print(f"[01/01/2024-00:00:00] [E] {error}")
        print("&&&& FAILED TensorRT.trtexec")
        return 1
    print("&&&& PASSED TensorRT.trtexec")
    return 0
