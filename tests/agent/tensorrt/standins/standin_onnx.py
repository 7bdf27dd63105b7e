"""As much of an ONNX file as the stand-ins need, without the onnx package, which a board does not have. CPython 3.6.

Field numbers are those of onnx.proto.
"""

import array
import struct

FLOAT, INT8, FLOAT16 = 1, 3, 10
# TensorRT's names of the types that it takes at its ends; it has no doubles, and makes floats of them.
TYPES = {1: "FLOAT", 2: "UINT8", 3: "INT8", 6: "INT32", 7: "INT64", 9: "BOOL", 10: "HALF", 11: "FLOAT"}


class Tensor:
    def __init__(self, name, dims, data_type, raw):
        self.name, self.dims, self.data_type, self.raw = name, dims, data_type, raw

    def nonzero(self):
        """For each weight whether it is something else than 0."""
        if self.data_type == FLOAT:
            return [value != 0 for value in array.array("f", self.raw)]
        if self.data_type == FLOAT16:
            return [value & 0x7FFF != 0 for value in array.array("H", self.raw)]
        return [value != 0 for value in array.array("b", self.raw)]

    def is_2_in_4(self):
        """2:4 along the second axis, as TensorRT wants it of a convolution's weights [K, C, R, S]."""
        if len(self.dims) != 4 or self.dims[1] % 4:
            return False
        filters, channels, rows, columns = self.dims
        there, area = self.nonzero(), rows * columns
        for k in range(filters):
            for c in range(0, channels, 4):
                for place in range(area):
                    start = (k * channels + c) * area + place
                    if sum(there[start + step * area] for step in range(4)) > 2:
                        return False
        return True


class Node:
    def __init__(self, op, name, inputs, outputs):
        self.op, self.name, self.inputs, self.outputs = op, name, inputs, outputs


class Graph:
    """Nodes, initialisers by name, (name, shape) of inputs and outputs, -1 for an open size; ONNX's types by name."""

    def __init__(self, data):
        model = dict(_grouped(data))
        if 7 not in model:
            raise ValueError("no graph")
        graph = dict(_grouped(model[7][0]))
        self.nodes = [_node(part) for part in graph.get(1, [])]
        self.weights = {tensor.name: tensor for tensor in map(_tensor, graph.get(5, []))}
        self.inputs = [value for value in map(_value, graph.get(11, [])) if value[0] not in self.weights]
        self.outputs = [_value(part) for part in graph.get(12, [])]
        self.types = dict(_type(part) for part in graph.get(11, []) + graph.get(12, []))
        if not self.nodes or not self.outputs:
            raise ValueError("an empty graph")

    def type_of(self, name, known):
        """TensorRT's type of an input or output: without INT64 among those `known`, whole numbers have 4 bytes."""
        found = TYPES[self.types[name]]
        return found if found != "INT64" or "INT64" in known else "INT32"

    def weight_of(self, node):
        """The weights of a convolution or matrix product, through quantise and dequantise nodes."""
        made_by = {name: maker for maker in self.nodes for name in maker.outputs}
        name = node.inputs[1]
        while name not in self.weights:
            if name not in made_by:
                return None
            name = made_by[name].inputs[0]
        return self.weights[name]

    def is_quantised(self, node):
        """Whether a convolution's weights come out of a dequantise node."""
        return any(maker.op == "DequantizeLinear" and node.inputs[1] in maker.outputs for maker in self.nodes)


def _varint(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, place


def _fields(data):
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
        elif kind == 2:
            size, place = _varint(data, place)
            if place + size > len(data):
                raise ValueError("cut off")
            value, place = data[place : place + size], place + size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, place = data[place : place + size], place + size
        else:
            raise ValueError("not protobuf")
        yield key >> 3, value


def _grouped(data):
    found = {}
    try:
        for number, value in _fields(data):
            found.setdefault(number, []).append(value)
    except IndexError:
        raise ValueError("cut off") from None
    return found


def _texts(values):
    return [value.decode() for value in values]


def _node(data):
    fields = _grouped(data)
    return Node(
        _texts(fields.get(4, [b""]))[0],
        _texts(fields.get(3, [b""]))[0],
        _texts(fields.get(1, [])),
        _texts(fields.get(2, [])),
    )


def _tensor(data):
    fields = _grouped(data)
    dims = []
    for value in fields.get(1, []):
        dims += [value] if isinstance(value, int) else _packed(value)
    raw = fields.get(9, [b""])[0]
    if not raw and 4 in fields:
        raw = b"".join(fields[4]) if isinstance(fields[4][0], bytes) else struct.pack("f", *fields[4])
    return Tensor(_texts(fields.get(8, [b""]))[0], dims, fields.get(2, [0])[0], raw)


def _packed(data):
    found, place = [], 0
    while place < len(data):
        value, place = _varint(data, place)
        found.append(value)
    return found


def _value(data):
    fields = _grouped(data)
    tensor = _grouped(_grouped(fields[2][0])[1][0])
    shape = []
    for part in _grouped(tensor[2][0]).get(1, []):
        shape.append(_grouped(part).get(1, [-1])[0])
    return _texts(fields[1])[0], tuple(shape)


def _type(data):
    fields = _grouped(data)
    return _texts(fields[1])[0], _grouped(_grouped(fields[2][0])[1][0])[1][0]
