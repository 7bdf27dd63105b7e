"""Try `sis-edge gate` where the answer is known: a network against itself, and against one of 5% more equal layers.

    python benchmarks/gate.py real              on this machine: two gates of a minute or two each
    python benchmarks/gate.py real -- --processes 6
    python benchmarks/gate.py rates             on simulated traces: 300 equal candidates, 200 that are 3% slower

"real" prints what the gate prints; with 20 and 21 layers, each the same convolution, the second network has 5% more to
compute. What is behind `--` goes to the gate. "rates" counts, for each kind of trace (`tests/results/traces.py`), how
many candidates the gate stops at a limit of 2%. Nothing is asserted.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TESTS = Path(__file__).parents[1] / "tests"

LAYERS, CHANNELS, SIDE = 20, 32, 32


def model(path: Path, layers: int) -> None:
    """A chain of equal 3 x 3 convolutions."""
    numbers, nodes, weights, name = np.random.default_rng(0), [], [], "input"
    for layer in range(layers):
        weight = numbers.normal(scale=0.05, size=(CHANNELS, CHANNELS, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"weight{layer}"))
        nodes.append(helper.make_node("Conv", [name, f"weight{layer}"], [f"sum{layer}"], pads=[1, 1, 1, 1]))
        name = f"output{layer}"
        nodes.append(helper.make_node("Relu", [f"sum{layer}"], [name]))
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, [1, CHANNELS, SIDE, SIDE]) for end in ("input", name)]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))


def real(words: list[str]) -> None:
    """The gate on this machine, first of equal networks, then of a slower one."""
    with tempfile.TemporaryDirectory() as folder:
        for name, layers in (("base", LAYERS), ("equal", LAYERS), ("slower", LAYERS + 1)):
            model(Path(folder) / name / "chain.onnx", layers)
        for candidate in ("equal", "slower"):
            limits = ("--max-regress", "2%,size=10%")
            command = ["gate", f"{candidate}/chain.onnx", "--base", "base/chain.onnx", *limits, *words]
            print(f"$ sis-edge {' '.join(command)}", flush=True)
            done = subprocess.run([sys.executable, "-m", "sis_edge", "-q", *command], cwd=folder, check=False)
            print(f"exit code {done.returncode}\n", flush=True)


def rates() -> None:
    """How many candidates the gate stops on simulated traces."""
    sys.path.insert(0, str(TESTS))
    from gate.test_rates import stopped
    from results.traces import KINDS

    for kind in KINDS:
        equal, slower = stopped(0.0, kind, 300), stopped(0.03, kind, 200)
        print(f"{kind}: {equal:.1%} of 300 equal candidates, {slower:.1%} of 200 that are 3% slower", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("real", "rates"))
    parser.add_argument("words", nargs="*", metavar="-- WORDS", help="options of the gate")
    options = parser.parse_args()
    if options.what == "real":
        real(options.words)
    else:
        rates()


if __name__ == "__main__":
    main()
