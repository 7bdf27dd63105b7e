"""The inputs of a TFLite model, read from its flatbuffer: this machine needs no TFLite for that.

A table begins with the distance to its list of fields; a field's place in that list is its number in the schema
(`schema.fbs` of TensorFlow Lite): Model.subgraphs is 2, SubGraph.tensors 0 and .inputs 1, Tensor.shape 0, .type 1,
.name 3 and .shape_signature 7.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sis_edge.build.given.model_file import Axis, ModelInput
from sis_edge.errors import UsageError

T = TypeVar("T")

IDENTIFIER = b"TFL3"
DTYPES = {
    **{0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16"},
    **{9: "int8", 10: "float64", 12: "uint64", 15: "uint32", 16: "uint16"},
}


def inputs(path: Path) -> tuple[ModelInput, ...]:
    """The inputs of the first subgraph, which is what TFLite runs; raises UsageError for another file."""
    data = path.read_bytes()
    if data[4:8] != IDENTIFIER:
        raise UsageError(f"{path} is not a TFLite model (no {IDENTIFIER.decode()} in its head); check the path")
    try:
        return _inputs(_Reader(data), path)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise UsageError(f"{path} is not a TFLite model (it is cut or damaged); export it again") from None


def _inputs(reader: "_Reader", path: Path) -> tuple[ModelInput, ...]:
    graph = reader.tables(reader.root(), 2)[0]
    tensors = reader.tables(graph, 0)
    found = []
    for at in reader.integers(graph, 1):
        tensor = tensors[at]
        name, code = reader.text(tensor, 3), reader.byte(tensor, 1)
        if code not in DTYPES:
            raise UsageError(f"{path}: its input {name} has TFLite's type {code}, which cannot be fed")
        shape = reader.integers(tensor, 7) or reader.integers(tensor, 0)
        axes: tuple[Axis, ...] = tuple(length if length > 0 else "?" for length in shape)
        found.append(ModelInput(name, DTYPES[code], axes))
    return tuple(found)


class _Reader:
    """A flatbuffer; a position is that of a table."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def root(self) -> int:
        return self._follow(0)

    def tables(self, table: int, number: int) -> list[int]:
        return self._vector(table, number, self._follow)

    def integers(self, table: int, number: int) -> list[int]:
        return self._vector(table, number, lambda at: self._int("<i", at))

    def text(self, table: int, number: int) -> str:
        place = self._field(table, number)
        if place is None:
            return ""
        start = self._follow(place)
        return self._data[start + 4 : start + 4 + self._int("<I", start)].decode()

    def byte(self, table: int, number: int) -> int:
        place = self._field(table, number)
        return 0 if place is None else self._data[place]

    def _vector(self, table: int, number: int, read: Callable[[int], T]) -> list[T]:
        place = self._field(table, number)
        if place is None:
            return []
        start = self._follow(place)
        return [read(start + 4 + 4 * at) for at in range(min(self._int("<I", start), len(self._data)))]

    def _field(self, table: int, number: int) -> int | None:
        fields = table - self._int("<i", table)
        at = 4 + 2 * number
        offset = self._int("<H", fields + at) if at < self._int("<H", fields) else 0
        return table + offset if offset else None

    def _follow(self, place: int) -> int:
        return place + self._int("<I", place)

    def _int(self, form: str, place: int) -> int:
        number: int = struct.unpack_from(form, self._data, place)[0]
        return number
