"""Devices that generated C is run on: real ones where this machine is one, else processors that qemu emulates."""
