"""Measures every runtime and format side by side: each in a process of its own, all in turn, on this machine."""
