"""What each operation of torch becomes in a layer: modules, functions and methods of the same meaning together."""

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sis_edge.networks import pooling
from sis_edge.networks.steps import LEFT_OUT, NotFormableError, Operation, Sources, StepReader, Value, shape_of

if TYPE_CHECKING:
    from torch import fx


def operation(node: "fx.Node", graph: "fx.GraphModule") -> Operation | None:
    """What a step becomes; None where no layer has such a step."""
    if node.op != "call_module":
        return _FUNCTIONS.get(_function_name(node))
    module = graph.get_submodule(str(node.target))
    made = _MODULES.get(type(module).__name__)
    return None if made is None else made(module)


def described(node: "fx.Node", graph: "fx.GraphModule") -> str:
    """A step in words: `Conv2d 16, 3x3, stride 2`."""
    if node.op != "call_module":
        return _function_name(node)
    module: Any = graph.get_submodule(str(node.target))
    kind = type(module).__name__
    if kind == "Linear":
        return f"Linear {module.out_features}"
    if kind != "Conv2d":
        return kind
    more = f", stride {module.stride[0]}" if module.stride != (1, 1) else ""
    more += f", groups {module.groups}" if module.groups > 1 else ""
    return f"Conv2d {module.out_channels}, {'x'.join(map(str, module.kernel_size))}{more}"


def _function_name(node: "fx.Node") -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _conv(module: Any) -> Operation:
    def read(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
        padding = {"valid": (0, 0), "same": tuple(side // 2 for side in module.kernel_size)}.get(
            module.padding, module.padding
        )
        for what, pair in (("kernel", module.kernel_size), ("stride", module.stride), ("padding", padding)):
            if pair[0] != pair[1]:
                raise NotFormableError(f"has a {what} of {pair[0]} x {pair[1]}; a layer's are square")
        if module.dilation != (1, 1):
            raise NotFormableError(f"has dilation {module.dilation[0]}, and a layer has none")
        if module.padding_mode != "zeros" or (module.padding == "same" and module.kernel_size[0] % 2 == 0):
            raise NotFormableError("pads with other than zeros on each side alike")
        if sources[0].flat:
            raise NotFormableError("reads features without maps")
        value = reader.convolve(
            str(node.target),
            sources[0],
            filters=module.out_channels,
            kernel=module.kernel_size[0],
            stride=module.stride[0],
            padding=padding[0],
            groups=module.groups,
        )
        return value, f"layer {value.layer}, {'CL' if module.kernel_size[0] > 1 else 'MP'}"

    return read


def _linear(module: Any) -> Operation:
    def read(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
        (value,) = sources
        if len(shape_of(node)) != 2:
            raise NotFormableError("is applied along one dimension of several; flatten comes before it")
        side = 1
        if value.layer is None or (value.flat and not value.is_pixel):
            (maps,) = [each for each in node.all_input_nodes if len(shape_of(each))]
            side = _flat_side(maps)
        made = reader.convolve(str(node.target), value, filters=module.out_features, kernel=side, padding=0, group="MP")
        return Value(made.layer, flat=True), f"layer {made.layer}, MP"

    return read


def _flat_side(node: "fx.Node") -> int:
    """The side of the maps that were flattened into this step's features."""
    while len(shape_of(node)) != 4:
        before = [each for each in node.all_input_nodes if len(shape_of(each)) > 1]
        if not before or (len(shape_of(before[0])) == 2 and shape_of(before[0]) != shape_of(node)):
            return 1
        node = before[0]
    return shape_of(node)[-1]


def _normalise(module: Any) -> Operation:
    def read(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
        if not module.affine or not module.track_running_stats:
            raise NotFormableError("has no scale and shift, or no running statistics")
        return reader.normalise(sources[0]), f"in {sources[0].layer}"

    return read


def _relu(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    return reader.activate(sources[0], "relu"), f"in {sources[0].layer}"


def _relu6(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    return reader.activate(sources[0], "relu6"), f"in {sources[0].layer}"


def _add(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    if len(sources) != 2:
        raise NotFormableError("adds other than the results of two layers")
    if len({shape_of(each) for each in node.all_input_nodes}) > 1:
        raise NotFormableError("adds tensors of different shapes")
    if node.kwargs.get("alpha", 1) != 1:
        raise NotFormableError("weighs what it adds")
    value = reader.add(*sources)
    return value, f"in {value.layer}"


def _flatten(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    before, result = shape_of(node.all_input_nodes[0]), shape_of(node)
    if len(result) != 2 or result[0] != before[0]:
        raise NotFormableError(f"makes {_text(result)} of {_text(before)}; a layer's maps are flattened as a whole")
    value = sources[0]
    return Value(value.layer, value.shared, True, value.is_pixel, value.every, value.more), LEFT_OUT


def _subsample(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    """`x[:, :, ::2, ::2]`, of a shortcut without parameters."""
    index: Any = node.args[1]
    whole, value = slice(None), sources[0]
    if not isinstance(index, tuple) or len(index) != 4 or index[:2] != (whole, whole) or index[2] != index[3]:
        raise NotFormableError("takes a part of its input; a shortcut takes [:, :, ::2, ::2]")
    every = index[2].step if isinstance(index[2], slice) and index[2] == slice(None, None, index[2].step) else None
    if not isinstance(every, int) or value.layer is None or value.is_shortcut:
        raise NotFormableError("takes a part of its input; a shortcut takes [:, :, ::2, ::2]")
    return Value(value.layer, every=every), "a shortcut"


def _pad(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    """`F.pad(x, (0, 0, 0, 0, 0, 16))`: channels of zeros after the others, of a shortcut without parameters."""
    given: dict[str, Any] = dict(zip(("pad", "mode", "value"), node.args[1:], strict=False)) | node.kwargs
    pads = tuple(given["pad"])
    if sources[0].layer is None or given.get("mode", "constant") != "constant" or given.get("value") not in (None, 0):
        raise NotFormableError("pads other than a layer's result with zeros")
    if len(pads) < 6 or any(pads[:5]) or any(pads[6:]):
        raise NotFormableError("pads before the channels or around the maps; a shortcut has zeros after its channels")
    return Value(sources[0].layer, every=sources[0].every, more=pads[5]), "a shortcut"


def _same(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    return sources[0], LEFT_OUT


def _softmax(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    if not all(user.op == "output" for user in node.users):
        raise NotFormableError("is not the last step")
    return sources[0], LEFT_OUT


def _joins(reader: StepReader, node: "fx.Node", sources: Sources) -> tuple[Value, str]:
    raise NotFormableError(f"concatenates {len(sources)} branches; a formed network can only add them")


def _text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _always(read: Operation) -> Callable[[Any], Operation]:
    return lambda module: read


_MODULES: dict[str, Callable[[Any], Operation]] = {
    "Conv2d": _conv,
    "Linear": _linear,
    "BatchNorm2d": _normalise,
    "BatchNorm1d": _normalise,
    "ReLU": _always(_relu),
    "ReLU6": _always(_relu6),
    "MaxPool2d": pooling.by_module("max"),
    "AvgPool2d": pooling.by_module("average"),
    "AdaptiveAvgPool2d": _always(pooling.adaptive),
    "Flatten": _always(_flatten),
    **dict.fromkeys(("Dropout", "Dropout2d", "Identity"), _always(_same)),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _always(_softmax)),
}

_FUNCTIONS: dict[str, Operation] = {
    **dict.fromkeys(("relu", "relu_"), _relu),
    "relu6": _relu6,
    **dict.fromkeys((operator.add.__name__, operator.iadd.__name__, "add_"), _add),
    "max_pool2d": pooling.by_function("max"),
    "avg_pool2d": pooling.by_function("average"),
    "adaptive_avg_pool2d": pooling.adaptive,
    "mean": pooling.mean,
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze"), _flatten),
    operator.getitem.__name__: _subsample,
    "pad": _pad,
    **dict.fromkeys(("dropout", "dropout2d", "contiguous", "clone", "identity"), _same),
    **dict.fromkeys(("softmax", "log_softmax"), _softmax),
    **dict.fromkeys(("cat", "concat", "concatenate"), _joins),
}
