"""Plain C99 of a trained network: read from ONNX, simplified by passes, written by one file an operator."""
