"""The command line, as tests call it: inside this process, or in one of its own."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mnistx_runtime import cli

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "artifacts" / "pictures"
RELEASED = ROOT / "artifacts" / "mnist-cnn.safetensors"


def mnistx(*args: str | Path, stdin: bytes = b"") -> Result:
    """A command in this process: exit code, standard output and standard error apart."""
    before_8_2 = "mix_stderr" in signature(CliRunner).parameters
    apart: dict[str, Any] = {"mix_stderr": False} if before_8_2 else {}
    done = CliRunner(**apart).invoke(cli.main, [str(arg) for arg in args], input=stdin, prog_name="mnistx")
    gc.unfreeze()  # a command takes the process for its own
    return done


def json_lines(result: Result) -> list[dict[str, Any]]:
    """The objects that a command printed with --json."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def mnistx_process(
    *args: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """A command in a process of its own: exit code, standard output, standard error."""
    command = [sys.executable, "-m", "mnistx_runtime", *map(str, args)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | (env or {}),
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


HEAVY = {"onnx-int8", "openvino", "litert", "litert-int8", "executorch", "ncnn", "coreml", "c-int8"}
"""Formats and runtimes whose converters take seconds to import and to run."""


def by_weight(names: Iterable[str]) -> list[Any]:
    """The names as test parameters, the heavy ones marked slow."""
    return [pytest.param(name, marks=pytest.mark.slow if name in HEAVY else ()) for name in names]
