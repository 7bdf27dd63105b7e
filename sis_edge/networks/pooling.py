"""Pooling of torch: of single windows, after a layer, or of the whole map, before the layer that reads it."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from sis_edge.networks.steps import LEFT_OUT, NUMBER, NotFormableError, Operation, Sources, StepReader, Value, shape_of
from sis_edge.spec import Pooling

if TYPE_CHECKING:
    from torch import fx


def by_module(pooling: Pooling) -> Callable[[Any], Operation]:
    """Pooling by a module, whose options are its attributes."""

    def made(module: Any) -> Operation:
        given = {name: getattr(module, name) for name in _POOLING[pooling]}
        return lambda reader, node, sources: _pool(reader, node, sources, pooling, given)

    return made


def by_function(pooling: Pooling) -> Operation:
    """Pooling by a function."""

    def read(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
        given = dict(zip(_POOLING[pooling], node.args[1:], strict=False)) | node.kwargs
        return _pool(reader, node, sources, pooling, given)

    return read


_POOLING: dict[Pooling, tuple[str, ...]] = {
    "max": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "average": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}
"""The options of torch's pooling, in the order of the functions' arguments."""


def _pool(
    reader: StepReader, node: "fx.Node", sources: Sources, pooling: Pooling, options: dict[str, Any]
) -> tuple[Value, str]:
    (value,) = sources
    if options.get("return_indices"):
        raise NotFormableError("gives indices too, and a layer's pooling does not")
    if options.get("dilation", 1) not in (1, (1, 1)) or options.get("divisor_override"):
        raise NotFormableError("pools with a dilation or a divisor, and a layer's pooling has none")
    maps = next(each for each in node.all_input_nodes if len(shape_of(each)) == 4)
    side, result = shape_of(maps)[-1], shape_of(node)[-1]
    size = options["kernel_size"]
    pairs = [_pair(each) for each in (size, options.get("stride") or size, options.get("padding", 0))]
    kernel, stride, padding = (pair[0] for pair in pairs)
    if pooling == "average" and kernel == side and padding == 0 and result == 1:
        return reader.average(value), "global pooling, in the layer after it"
    apart = kernel == stride and padding == 0
    is_whole = result == (side + 2 * padding - kernel) // stride + 1
    is_square = all(pair[0] == pair[1] for pair in pairs)
    if not is_square or not is_whole or stride < 2 or not (apart or pooling == "max"):
        raise NotFormableError(
            f"pools windows of {_sides(pairs[0])} with stride {_sides(pairs[1])} and padding {_sides(pairs[2])}; a "
            "layer's are square and whole, with a stride of 2 or more; only those of max pooling overlap or are padded"
        )
    return reader.pool(value, stride, pooling, kernel, padding), f"in {value.layer}"


def adaptive(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    """Average pooling to maps of a given side."""
    maps = next(each for each in node.all_input_nodes if len(shape_of(each)) == 4)
    side, (height, result) = shape_of(maps)[-1], shape_of(node)[-2:]
    if height != result:
        raise NotFormableError(f"averages to {height} x {result}, and a layer's maps are square")
    if result == 1:
        return reader.average(sources[0]), "global pooling, in the layer after it"
    if result == side:
        return sources[0], LEFT_OUT
    if side % result:
        raise NotFormableError(f"averages {side} x {side} to {result} x {result}, in windows that overlap")
    stride = side // result
    return reader.pool(sources[0], stride, "average", stride), f"in {sources[0].layer}"


def mean(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    """The average of each map."""
    before, result = shape_of(node.all_input_nodes[0]), shape_of(node)
    if len(before) != 4 or prod(result) != prod(before[:2]):
        raise NotFormableError("averages other than each map")
    value = reader.average(sources[0])
    made = Value(value.layer, flat=len(result) == 2, is_pixel=True)
    return made, "global pooling, in the layer after it"


def _pair(given: Any) -> tuple[int, int]:
    """A side or two as two numbers; some are computed from a shape."""
    both = given if isinstance(given, (tuple, list)) else (given,)
    numbers = [each if isinstance(each, int) else each.meta[NUMBER] for each in both]
    return numbers[0], numbers[-1]


def _sides(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} x {pair[1]}"
