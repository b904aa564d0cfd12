"""The model that the package carries."""

from pathlib import Path

BUNDLED = Path(__file__).with_name("models") / "mnist-cnn.onnx"

BUNDLED_SHA256 = "3325d096d04db0e2a92d4a789a41d37a986467b99c01ca581c15a1317ea1fa20"
"""Of that file, as SECURITY.md publishes it; it is held to it whenever it is loaded."""
