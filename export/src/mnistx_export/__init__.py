"""Exports a trained classifier, and verifies what it wrote before it is kept."""

__version__ = "0.1.0"
