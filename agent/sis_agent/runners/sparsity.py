"""What TensorRT reports of structured sparsity: which layers could use sparse kernels, and which it chose them for.

Two proofs. The builder's log has two lines, worded differently before and from TensorRT 10 on:

    (Sparsity) Layers eligible for sparse math: conv1, conv2
    (Sparsity) TRT inference plan picked sparse implementation for layers: conv2

    (Sparsity) Found 2 layer(s) eligible to use sparse tactics: conv1, conv2
    (Sparsity) Chose 1 layer(s) using sparse tactics: conv2

The newer lines come without names at INFO level and with them at VERBOSE level. They come once a pass of tactic
selection; the last ones are the engine's. The second proof is the engine inspector: sparse kernels have it in their
tactic's name.
"""

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from sis_agent.runners import streamed_json

MARK = "(Sparsity)"

_OLD = {
    "eligible": re.compile(r"\(Sparsity\) Layers eligible for sparse math:(.*)"),
    "chosen": re.compile(r"\(Sparsity\) TRT inference plan picked sparse implementation for layers:(.*)"),
}
_NEW = {
    "eligible": re.compile(r"\(Sparsity\) Found (\d+) layer\(s\) eligible to use sparse tactics(?::(.*))?"),
    "chosen": re.compile(r"\(Sparsity\) Chose (\d+) layer\(s\) using sparse tactics(?::(.*))?"),
}
# "[ONNX Layer: name | enclosing functions]", one after the other.
_ONNX_NODE = re.compile(r"\[ONNX Layer: ([^\]|]*[^\]| ]) *[\]|]")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_SPARSE_TACTIC = re.compile(r"sparse|sptensor|spmma", re.IGNORECASE)


class Layers(NamedTuple):
    """How many layers, and which; `names` is None where only their number was logged."""

    number: int
    names: Optional[List[str]]


class LogReport(NamedTuple):
    """What the builder's log says; a field is None where the log has no such line."""

    eligible: Optional[Layers]
    chosen: Optional[Layers]


class LayerTactic(NamedTuple):
    """One layer of an engine; `tactic` and `sparse` are None where the inspector does not report the tactic.

    `onnx` are the nodes of the ONNX file that it computes, where TensorRT reports them (8.6 and later): a layer of its
    Myelin compiler has a name that says nothing of them.
    """

    name: str
    kind: Optional[str]
    tactic: Optional[str]
    sparse: Optional[bool]
    precision: Optional[str]
    onnx: List[str] = []


def from_log(lines: Iterable[str]) -> LogReport:
    """The builder's last word on sparsity, from either form of its lines."""
    report: Dict[str, Optional[Layers]] = {"eligible": None, "chosen": None}
    for line in lines:
        if MARK not in line:
            continue
        for what in report:
            old, new = _OLD[what].search(line), _NEW[what].search(line)
            if old:
                names = _names(old.group(1))
                report[what] = Layers(len(names), names)
            elif new:
                report[what] = _merged(report[what], int(new.group(1)), new.group(2))
    return LogReport(**report)


def _merged(known: Optional[Layers], count: int, text: Optional[str]) -> Layers:
    names = _names(text or "", count)
    if len(names) == count:
        return Layers(count, names)
    # The line without names comes next to the one with them, in either order.
    return known if known is not None and known.number == count and not names else Layers(count, None)


def _names(text: str, count: Optional[int] = None) -> List[str]:
    """The names of a list with commas. A fused layer has commas of its own, within brackets: `PWN(Sigmoid_1, Mul_2)`.

    Brackets that do not match are part of names; where `count` is known, it decides between the two readings.
    """
    nested, plain = _outside_of_brackets(text), [name.strip() for name in text.split(",") if name.strip()]
    if nested is None or (count is not None and len(nested) != count):
        return plain
    return nested


def _outside_of_brackets(text: str) -> Optional[List[str]]:
    """The parts between commas that are in no brackets; None where brackets do not match."""
    names: List[str] = []
    awaited: List[str] = []
    start = 0
    for at, letter in enumerate(text):
        if letter in _BRACKETS:
            awaited.append(_BRACKETS[letter])
        elif letter in _BRACKETS.values():
            if not awaited or awaited.pop() != letter:
                return None
        elif letter == "," and not awaited:
            names.append(text[start:at])
            start = at + 1
    names.append(text[start:])
    return None if awaited else [name.strip() for name in names if name.strip()]


def from_inspector(text: str) -> List[LayerTactic]:
    """An engine's layers from the inspector's JSON of TensorRT 8 to 11; empty for any other text.

    TensorRT 8 gives layers by name alone unless the engine was built with detailed verbosity; up to 10 a tensor has one
    `Format/Datatype`, from 11 on the two are apart.
    """
    try:
        layers = streamed_json.loads(text)["Layers"]
    except (ValueError, KeyError, TypeError):
        return []
    if not isinstance(layers, list):
        return []
    return [_layer(layer) for layer in layers if isinstance(layer, (str, dict))]


def _layer(layer: Any) -> LayerTactic:
    if isinstance(layer, str):
        return LayerTactic(layer, None, None, None, None)
    tactic = _text(layer.get("TacticName"))
    sparse = None if tactic is None else bool(_SPARSE_TACTIC.search(tactic))
    outputs = layer.get("Outputs")
    first = outputs[0] if isinstance(outputs, list) and outputs and isinstance(outputs[0], dict) else {}
    formats = (_text(first.get(key)) for key in ("Format/Datatype", "Datatype", "DataType"))
    precision = next((known for known in formats if known), None)
    nodes = _ONNX_NODE.findall(_text(layer.get("Metadata")) or "")
    return LayerTactic(str(layer.get("Name")), _text(layer.get("LayerType")), tactic, sparse, precision, nodes)


def _text(value: Any) -> Optional[str]:
    """A text of the inspector's; None where it is empty or of another kind."""
    return value if value and isinstance(value, str) else None


def summary(log: LogReport, layers: List[LayerTactic]) -> Dict[str, Any]:
    """Both proofs for the record. `sparse_tactics` is None where the inspector reports no tactic at all."""
    known = [layer for layer in layers if layer.tactic is not None]
    return {
        "eligible": log.eligible and log.eligible._asdict(),
        "chosen": log.chosen and log.chosen._asdict(),
        "sparse_tactics": [layer.name for layer in known if layer.sparse] if known else None,
    }
