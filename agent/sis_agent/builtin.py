"""What the agent brings with it, by name: runners and power sensors, each with its module.

A new one is one line here and one file. `plugins.py` has the same two tables for what comes from outside.
"""

# A runner's name in a job -> module with `missing()` and `make(threads, batch_size)`.
RUNNERS = {
    "onnxruntime": "sis_agent.runners.onnxruntime",
    "tensorrt": "sis_agent.runners.tensorrt",
    "tensorrt_rtx": "sis_agent.runners.tensorrt.rtx",
    "trtexec": "sis_agent.runners.trtexec",
    "tflite": "sis_agent.runners.tflite",
    "null": "sis_agent.runners.null",
}

# A sensor's kind in a profile -> module with `open_source(tree, commands)`. Best first, for a request that names none.
POWER = {
    "replay": "sis_agent.power.replay",
    "ina3221": "sis_agent.power.ina3221",
    "ina238": "sis_agent.power.ina238",
    "hwmon": "sis_agent.power.hwmon",
    "rapl": "sis_agent.power.rapl",
    "pi-pmic": "sis_agent.power.pi_pmic",
    "tegrastats": "sis_agent.power.tegrastats",
}
