"""ONNX files that mnistx didn't write: what they take, what they give, and how they are run."""
