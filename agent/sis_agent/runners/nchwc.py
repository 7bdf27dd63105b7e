"""Whether ONNX Runtime computes convolutions in blocks of channels (NCHWc) on this processor.

With them the dense reference is faster. Builds for x86-64 have them, those for ARM by an option of the build, which no
version number tells; so a network of one convolution is optimised in a child process, and the operators are read.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import List, Optional, Tuple, Union

from sis_agent import child
from sis_agent.runners import importing
from sis_agent.runners.onnxruntime import IMPORTS, PROVIDERS

LIMIT_S = 60.0
DOMAIN = b"com.microsoft.nchwc"
CHANNELS = 32  # a multiple of every block: 4, 8 or 16
SIDE = 8
FLOAT, INTS = 1, 7

Value = Union[int, bytes, List[int]]


def blocked(root: str) -> Tuple[Optional[bool], Optional[str]]:
    """The answer, or None and the reason. `root` is the agent's, for the log of an import that fails."""
    lacking = importing.not_installed(IMPORTS)
    if lacking:
        return None, "not installed: {}".format(", ".join(lacking))
    broken = importing.problem(IMPORTS, root)
    if broken is not None:
        return None, broken
    process = subprocess.Popen(
        child.command(__name__),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child.runtime_environment(),
        cwd="/",
    )
    try:
        out, _ = process.communicate(timeout=LIMIT_S)
        return bool(json.loads(out.decode("utf-8", "replace").splitlines()[-1])["blocked"]), None
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, "ONNX Runtime did not optimise one convolution within {:g} s".format(LIMIT_S)
    except (ValueError, IndexError, KeyError, TypeError):
        return None, "ONNX Runtime could not optimise one convolution: its process {}".format(
            child.how_it_ended(process.returncode)
        )


def convolution() -> bytes:
    """An ONNX file (opset 11, IR 6) of one 1x1 convolution over `CHANNELS` channels, its weights 0."""
    shape = [1, CHANNELS, SIDE, SIDE]
    weights = _message((1, CHANNELS), (1, CHANNELS), (1, 1), (1, 1), (2, FLOAT), (8, b"w"), (9, bytes(4 * CHANNELS**2)))
    kernel = _message((1, b"kernel_shape"), (8, [1, 1]), (20, INTS))
    node = _message((1, b"x"), (1, b"w"), (2, b"y"), (4, b"Conv"), (5, kernel))
    graph = _message((1, node), (2, b"one"), (5, weights), (11, _tensor(b"x", shape)), (12, _tensor(b"y", shape)))
    return _message((1, 6), (7, graph), (8, _message((1, b""), (2, 11))))


def _tensor(name: bytes, shape: List[int]) -> bytes:
    dimensions = _message(*((1, _message((1, size))) for size in shape))
    return _message((1, name), (2, _message((1, _message((1, FLOAT), (2, dimensions))))))


def _message(*fields: Tuple[int, Value]) -> bytes:
    """A message of protocol buffers: each field's number with a whole number, some of them, or bytes."""
    parts = []
    for number, value in fields:
        if isinstance(value, bytes):
            parts.append(_varint(number << 3 | 2) + _varint(len(value)) + value)
        else:
            for each in value if isinstance(value, list) else [value]:
                parts.append(_varint(number << 3) + _varint(each))
    return b"".join(parts)


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def main() -> int:
    """The child: one line of JSON."""
    child.die_with_parent()
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what native libraries print is no answer
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        settings = onnxruntime.SessionOptions()
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        settings.intra_op_num_threads = 1
        settings.log_severity_level = 4  # that the optimised file fits this processor only
        settings.optimized_model_filepath = os.path.join(folder, "optimised.onnx")
        onnxruntime.InferenceSession(convolution(), settings, providers=PROVIDERS)
        with open(settings.optimized_model_filepath, "rb") as file:
            found = DOMAIN in file.read()
    replies.write(json.dumps({"blocked": found}) + "\n")
    replies.flush()
    sys.stderr.flush()
    os._exit(0)
