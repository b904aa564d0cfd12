"""Optimizers that torch lacks, and torch's own without its compiler."""
