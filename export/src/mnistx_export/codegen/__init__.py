"""Plain C99 of a trained network: read from ONNX, simplified by passes, written by one file an operator."""

TARGETS = {
    "speed": "hosts: with vectors where the compiler has them",
    "portable": "plain C99",
    "size": "microcontrollers: little memory, little code",
}
"""What code is generated for, the default first."""
