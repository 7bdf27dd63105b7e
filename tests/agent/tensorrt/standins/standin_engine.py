"""The stand-in's runtime, engine, context and inspector: from a plan to outputs. CPython 3.6."""

import ctypes
import json
import struct

import standin_device as device
import standin_onnx
from standin_builder import MAGIC
from standin_names import attribute, need_device, report

# numpy's names of TensorRT's types, and of ONNX's.
NUMPY = {
    **{"FLOAT": "float32", "HALF": "float16", "INT8": "int8", "UINT8": "uint8"},
    **{"INT32": "int32", "INT64": "int64", "BOOL": "bool"},
}
ONNX = {
    **{1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"},
    **{10: "float16", 11: "float64"},
}


def make_runtime(maker):
    class Runtime:
        error_recorder = attribute()

        def __init__(self, logger):
            need_device()
            self._logger = maker.registered(logger)

        def deserialize_cuda_engine(self, data):
            data = bytes(data)
            if not data.startswith(MAGIC):
                report(self, self._logger, "Magic tag does not match", "UNSPECIFIED_ERROR")
                return None
            (size,) = struct.unpack_from("<I", data, len(MAGIC))
            start = len(MAGIC) + 4
            head = json.loads(data[start : start + size].decode())
            here = list(device.capability())
            fits = here in head["capabilities"] if maker.is_rtx else head["gpu"] == [device.name(), here]
            if head["version"] != maker.version or not fits:
                text = "The engine plan file is not compatible with this version of TensorRT or this device"
                report(self, self._logger, text, "UNSPECIFIED_ERROR")
                return None
            onnx = data[start + size :]
            graph = standin_onnx.Graph(onnx)
            tensors = [(name, tuple(head["inputs"][name])) for name, _ in graph.inputs]
            batch = (*tensors[0][1], 1)[0]
            tensors += [(name, tuple(batch if size == -1 else size for size in shape)) for name, shape in graph.outputs]
            return maker.new(
                "ICudaEngine", _head=head, _onnx=onnx, _graph=graph, _tensors=tensors, _taken=[], _logger=self._logger
            )

    return "Runtime", vars(Runtime)


def make_engine(maker):
    types = maker.enums["DataType"]

    def tensors(engine):
        return engine._tensors

    def end_type(engine, name):
        return types[engine._graph.type_of(name, types.__members__)]

    def by_name(engine, name):
        return [tensor_name for tensor_name, _ in tensors(engine)].index(name)

    class ICudaEngine:
        error_recorder = attribute()
        device_memory_size = 1 << 20
        device_memory_size_v2 = 1 << 20

        @property
        def num_bindings(self):
            return len(tensors(self))

        num_io_tensors = num_bindings

        def get_binding_name(self, index):
            return tensors(self)[index][0]

        def binding_is_input(self, index):
            return index < len(self._graph.inputs)

        def get_binding_dtype(self, index):
            return end_type(self, tensors(self)[index][0])

        def get_binding_shape(self, index):
            return tensors(self)[index][1]

        def get_tensor_name(self, index):
            return tensors(self)[index][0]

        def get_tensor_mode(self, name):
            modes = maker.enums["TensorIOMode"]
            return modes.INPUT if by_name(self, name) < len(self._graph.inputs) else modes.OUTPUT

        def get_tensor_dtype(self, name):
            return end_type(self, name)

        def get_tensor_shape(self, name):
            return tensors(self)[by_name(self, name)][1]

        def create_execution_context(self):
            # A context of an engine with an open shape takes a profile; from TensorRT 10 on they share it.
            lacks = bool(self._head["profile"]) and maker.major < 10 and bool(self._taken)
            if lacks:
                text = "Profile 0 has been chosen by another IExecutionContext. Use another profileIndex or destroy the"
                report(self, self._logger, text + " IExecutionContext that use this profile.")
            self._taken.append(True)
            return maker.new(
                "IExecutionContext", _engine=self, _shapes={}, _addresses={}, _session=None, _lacks_profile=lacks
            )

        def create_engine_inspector(self):
            return maker.new("EngineInspector", _engine=self)

    return "ICudaEngine", vars(ICudaEngine)


def shape_of(context, name):
    """The shape of an input or output in this context; an open size of an output is the first input's batch."""
    graph = context._engine._graph
    if name in dict(graph.inputs):
        return context._shapes.get(name) or dict(context._engine._tensors)[name]
    batch = (*shape_of(context, graph.inputs[0][0]), 1)[0]
    return tuple(batch if size == -1 else size for size in dict(context._engine._tensors)[name])


def view(context, name, address, known):
    """The memory of an input or output as numpy's array."""
    import numpy

    kind = numpy.dtype(NUMPY[context._engine._graph.type_of(name, known)])
    count = 1
    for size in shape_of(context, name):
        count *= size
    memory = (ctypes.c_uint8 * (kind.itemsize * count)).from_address(address)
    return numpy.frombuffer(memory, dtype=kind).reshape(shape_of(context, name))


def make_context(maker):
    known = maker.enums["DataType"].__members__

    def fix(context, name, shape):
        given = dict(context._engine._tensors)[name]
        if context._lacks_profile:
            text = "Parameter check failed, condition: mOptimizationProfile >= 0"
            report(context, context._engine._logger, text)
            return False
        low, _, high = context._engine._head["profile"].get(name) or [given] * 3
        if len(shape) != len(low) or not all(a <= b <= c for a, b, c in zip(low, shape, high)):  # noqa: B905
            report(context, context._engine._logger, f"Supplied shape {tuple(shape)} is outside of the profile")
            return False
        context._shapes[name] = tuple(shape)
        return True

    def execute(context, addresses, stream):
        names = [name for name, _ in context._engine._tensors]
        if any(-1 in shape_of(context, name) or not addresses.get(name) for name in names):
            text = "Input shapes and tensor addresses must be set before an inference is enqueued"
            report(context, context._engine._logger, text, "INVALID_STATE")
            return False
        device.put(stream, lambda: infer(context, addresses))
        return True

    def infer(context, addresses):
        import onnxruntime

        if context._session is None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(context._engine._onnx, options, providers=["CPUExecutionProvider"])
            object.__setattr__(context, "_session", session)
        graph = context._engine._graph
        given = {
            name: view(context, name, addresses[name], known).astype(ONNX[graph.types[name]])
            for name, _ in graph.inputs
        }
        outputs = context._session.run([name for name, _ in graph.outputs], given)
        for (name, _), value in zip(graph.outputs, outputs):  # noqa: B905
            view(context, name, addresses[name], known)[...] = value
        if context.profiler is not None:
            assert context.profiler._ready, "IProfiler.__init__ was not called"
            for layer in context._engine._head["layers"]:
                context.profiler.report_layer_time(layer["name"], 0.25 if layer["chosen"] else 0.5)

    class IExecutionContext:
        error_recorder = attribute()
        profiler = attribute()

        def set_binding_shape(self, index, shape):
            return fix(self, self._engine._tensors[index][0], shape)

        def get_binding_shape(self, index):
            return shape_of(self, self._engine._tensors[index][0])

        def execute_async_v2(self, bindings, stream_handle):
            names = [name for name, _ in self._engine._tensors]
            return execute(self, dict(zip(names, bindings)), stream_handle)  # noqa: B905

        def set_input_shape(self, name, shape):
            return fix(self, name, shape)

        def get_tensor_shape(self, name):
            return shape_of(self, name)

        def set_tensor_address(self, name, address):
            self._addresses[name] = address
            return True

        def execute_async_v3(self, stream_handle):
            return execute(self, dict(self._addresses), stream_handle)

    return "IExecutionContext", vars(IExecutionContext)


def make_inspector(maker):
    def layer_json(layer, detailed):
        if not detailed:
            return layer["name"]
        kind = "Half" if layer["half"] else "Float"
        tensor = {"Name": layer["name"] + "_out", "Dimensions": [1, 8, 8, 8]}
        if maker.major >= 11:
            tensor.update(Format="LINEAR", Datatype=kind)
        else:
            tensor["Format/Datatype"] = f"Row major linear {kind}"
        found = {"Name": layer["name"], "LayerType": layer["kind"], "Inputs": [tensor], "Outputs": [tensor]}
        found["TacticValue"] = "0x1"
        if not maker.version.startswith(("8.2", "8.5")):
            found["Metadata"] = f"[ONNX Layer: {layer['name']}]"
        if maker.version.startswith("8.2"):
            found["AllowSparse"] = int(layer["chosen"])
        else:
            found["TacticName"] = layer["tactic"]
        return found

    class EngineInspector:
        def get_engine_information(self, format):
            assert format == maker.enums["LayerInformationFormat"].JSON
            head = self._engine._head
            names = [name for name, _ in self._engine._graph.inputs + self._engine._graph.outputs]
            found = {"Layers": [layer_json(layer, head["detailed"]) for layer in head["layers"]]}
            if maker.major >= 11:
                found["I/O Tensors"] = [{"Name": name} for name in names]
            else:
                found["Bindings"] = names
            return json.dumps(found)

    return "EngineInspector", vars(EngineInspector)
