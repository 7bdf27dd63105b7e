"""From a trained network to an ONNX file that is checked against it."""
