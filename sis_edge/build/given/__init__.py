"""Networks of the user's own, from files to a bundle: ONNX and TFLite, with inputs and what is expected of them."""
