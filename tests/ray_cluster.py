"""A small Ray cluster for tests: the commands that run in its environment find it."""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from mnistx_runtime.cluster.session import SETTINGS

HEAD = """
import sys, ray
context = ray.init(
    "local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000, _temp_dir=sys.argv[1],
    log_to_driver=False, logging_level="CRITICAL",
)
print(context.address_info["gcs_address"], flush=True)
sys.stdin.read()
"""
"""Keeps a cluster of two CPUs until its standard input ends; tells its address."""

ATTEMPTS = 5
"""Ray gives its processes 30 s to start, whatever else the machine does."""


@contextmanager
def ray_cluster() -> Iterator[tuple[dict[str, str], psutil.Process]]:
    """The environment in which a command finds the cluster, and the process that keeps it."""
    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)} | SETTINGS
    for _ in range(ATTEMPTS):
        with (
            tempfile.TemporaryDirectory(prefix="mnistx-", dir="/tmp", ignore_cleanup_errors=True) as folder,
            subprocess.Popen(
                [sys.executable, "-c", HEAD, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | env,
            ) as head,
        ):
            assert head.stdout is not None
            address = head.stdout.readline().strip()
            if address:
                yield env | {"RAY_ADDRESS": address}, psutil.Process(head.pid)
                head.communicate()
                return
    raise RuntimeError(f"Ray didn't start in {ATTEMPTS} attempts")


def workers(head: psutil.Process) -> list[psutil.Process]:
    """The processes of a cluster that answer pictures at the moment, those that have a decoder."""
    found = []
    for process in head.children(recursive=True):
        try:
            if process.name().startswith("ray::MapWorker") and process.children():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
