"""A network from a `torch.nn.Module`, through torch.fx: its forward as a list of steps, each of which a layer has."""

import copy
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

from sis_edge.errors import UsageError
from sis_edge.networks.report import ModuleReport, ModuleStep
from sis_edge.networks.steps import NUMBER, NotFormableError, StepReader, Value, shape_of

if TYPE_CHECKING:
    from torch import fx, nn

BATCH = 2
"""Images in the shapes that are propagated: not 1, so that an image's own dimensions cannot be taken for the batch."""


def read(module: "nn.Module", input_shape: Sequence[int] = (3, 32, 32), name: str | None = None) -> ModuleReport:
    """What of the module can be formed, for images [channels, side, side]; the module stays as it is.

    Raises UsageError where its forward cannot be read at all: control flow by the values of a tensor, or images of
    another shape than it takes.
    """
    shape = tuple(input_shape)
    if len(shape) != 3 or shape[1] != shape[2] or min(shape) < 1:
        raise UsageError(f"input_shape is {shape}, and must be (channels, side, side) of square images")
    name = name or type(module).__name__
    return _ModuleReader(name, _traced(module, name, shape)).report(shape[0], shape[1])


def _traced(module: "nn.Module", name: str, shape: tuple[int, ...]) -> "fx.GraphModule":
    """The module's steps with the shape of each result."""
    import torch
    from torch import fx
    from torch.fx.passes.shape_prop import ShapeProp
    from torch.fx.proxy import TraceError

    class Shapes(ShapeProp):
        """Shapes, and the numbers that are computed from shapes."""

        def run_node(self, n: "fx.Node") -> Any:
            result = super().run_node(n)
            if isinstance(result, int):
                n.meta[NUMBER] = result
            return result

    try:
        graph = fx.symbolic_trace(copy.deepcopy(module).eval())
    except TraceError as error:
        raise UsageError(
            f"{name} cannot be read: its forward has control flow that depends on a tensor ({_first_line(error)}); "
            "write it without, or give the network as a TOML file"
        ) from None
    except Exception as error:  # whatever the user's own forward raises when it meets a tensor without values
        raise UsageError(
            f"{name} cannot be read: torch.fx cannot trace its forward ({_first_line(error)}); "
            "give the network as a TOML file"
        ) from None
    try:
        with torch.no_grad(), redirect_stderr(StringIO()):  # torch prints a traceback of what it raises
            Shapes(graph).propagate(torch.zeros(BATCH, *shape))
    except Exception as error:
        reason = _first_line(error.__cause__ or error)
        raise UsageError(f"{name} does not take images of {' x '.join(map(str, shape))}: {reason}") from None
    return graph


class _ModuleReader:
    """The steps of one module: each node of its graph becomes a part of a layer, or a reason why not."""

    def __init__(self, name: str, graph: "fx.GraphModule") -> None:
        self.name = name
        self.graph = graph
        self.reader = StepReader()
        self.values: dict[Any, Value | None] = {}
        self.steps: list[ModuleStep] = []
        self.logits: Value | None = None

    def report(self, channels: int, side: int) -> ModuleReport:
        for node in self.graph.graph.nodes:
            self._node(node)
        steps = tuple(self.steps)
        if any(step.why_not for step in steps):
            return ModuleReport(self.name, steps, None)
        last = next(reversed(self.reader.layers), None)
        if self.logits is None or self.logits.layer != last:
            return ModuleReport(self.name, steps, None, "its result is not that of its last layer")
        try:
            return ModuleReport(self.name, steps, self.reader.network(self.name, channels, side))
        except UsageError as error:
            return ModuleReport(self.name, steps, None, str(error))

    def _node(self, node: "fx.Node") -> None:
        from sis_edge.networks.operations import described, operation

        if node.op == "placeholder":
            self.values[node] = Value(None)
            if sum(value is not None for value in self.values.values()) > 1:
                self._refuse(node, "second input", "is a second input; a formed network takes images only")
        elif node.op == "output":
            self._output(node)
        elif node.op == "get_attr":
            self._refuse(node, "parameter", "is a parameter of the module's own, outside of a layer")
        elif not _is_shape(node):
            read = operation(node, self.graph)
            what = described(node, self.graph)
            sources = [self.values.get(each) for each in node.all_input_nodes if not _is_shape(each)]
            if not sources or None in sources:
                self._refuse(node, what, "reads a step that cannot be formed")
                return
            try:
                if read is None:
                    raise NotFormableError("is of a kind that no layer has")
                value, becomes = read(self.reader, node, [value for value in sources if value is not None])
            except NotFormableError as error:
                self._refuse(node, what, str(error))
                return
            users = sum(not _is_shape(user) for user in node.users)
            # A step that changes nothing hands on what it reads, which others may read too.
            is_new = becomes != "left out"
            self.values[node] = replace(value, shared=users > 1 or (not is_new and value.shared))
            self.steps.append(ModuleStep(_name(node), what, becomes))

    def _output(self, node: "fx.Node") -> None:
        result = node.args[0]
        if isinstance(result, (tuple, list, dict)) or len(shape_of(result)) != 2:
            self._refuse(node, "result", "is not one tensor [batch, classes]")
            return
        self.logits = self.values.get(result)

    def _refuse(self, node: "fx.Node", what: str, why: str) -> None:
        self.values[node] = None
        self.steps.append(ModuleStep(_name(node), what, "", why))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _name(node: "fx.Node") -> str:
    return str(node.target) if node.op in ("call_module", "get_attr") else node.name


def _is_shape(node: "fx.Node") -> bool:
    """Whether it only asks for a shape, or computes with such numbers."""
    if node.op == "call_method" and node.target in ("size", "dim"):
        return True
    if node.op == "call_function" and node.target is getattr and node.args[1] in ("shape", "ndim"):
        return True
    is_number = getattr(node.target, "__module__", "") in ("_operator", "builtins") and bool(node.all_input_nodes)
    return node.op == "call_function" and is_number and all(map(_is_shape, node.all_input_nodes))
