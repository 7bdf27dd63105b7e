"""How fast this processor is with the sparse kernels and with ONNX Runtime, timed on the host's probes."""
