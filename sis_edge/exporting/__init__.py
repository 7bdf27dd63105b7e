"""From a trained network to an ONNX file that is checked against it."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as in sis_agent: it would keep an identifier in the home folder
