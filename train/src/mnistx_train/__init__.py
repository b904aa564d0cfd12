"""Trains a small image classifier, reproducibly, and reports how good it is."""

__version__ = "0.1.0"
