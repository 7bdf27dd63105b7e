"""What anybody would write to time an ONNX file: a loop over `session.run`. It shares nothing with the agent.

A script for `self_check`: settings as JSON on the command line; then for every number on standard input, the latencies
in seconds of so many inferences, as one line of JSON.
"""

import json
import sys
import time

import numpy as np


def main() -> None:
    """Load the network once, then loop as often as asked."""
    import onnxruntime

    settings = json.loads(sys.argv[1])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings["threads"]
    if settings.get("library"):
        options.register_custom_ops_library(settings["library"])
    session = onnxruntime.InferenceSession(settings["model"], options, providers=["CPUExecutionProvider"])
    images = np.load(settings["images"])[: settings["batch_size"]]
    images = np.concatenate([images] * -(-settings["batch_size"] // len(images)))[: settings["batch_size"]]
    mean, std = (np.array(settings[name], dtype=np.float32)[:, None, None] for name in ("mean", "std"))
    inputs = {session.get_inputs()[0].name: ((images / np.float32(255) - mean) / std).astype(np.float32)}
    for line in sys.stdin:
        latencies = []
        for _ in range(int(line)):
            start = time.perf_counter()
            session.run(None, inputs)
            latencies.append(time.perf_counter() - start)
        print(json.dumps(latencies), flush=True)


if __name__ == "__main__":
    main()
