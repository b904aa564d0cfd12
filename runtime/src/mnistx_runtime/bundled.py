"""The model that the package carries."""

from pathlib import Path

BUNDLED = Path(__file__).with_name("models") / "mnist-cnn.onnx"

BUNDLED_SHA256 = "3117053d6d4ede98f0ab2e24a9bfde0e28f4426e2c99358a757a676524211bfe"
"""Of that file, as SECURITY.md publishes it; it is held to it whenever it is loaded."""
