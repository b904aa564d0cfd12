"""The guides for C: what they show is written, compiled and run as it stands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command import ROOT, mnistx
from devices.targets import DEVICES

GUIDES = {"embedding-c.md": ("cmake", "cargo"), "microcontroller.md": DEVICES["Cortex-M4"].compiler[:1]}
"""Guides, and the commands that they take."""

NAMED = re.compile(r"^```\w+\n(?:/\*|#|//) (app/[\w./]+).*?\n(.*?)^```", re.M | re.S)
CRATES = Path("/usr/share/cargo/registry")  # where Debian's librust-cc-dev puts the crate cc

SERIAL = """
#include <cstdio>
#include <cstdint>
#include <cstdlib>
#include <cstddef>
struct Line {
    void begin(long) {}
    void setTimeout(long) {}
    explicit operator bool() const { return true; }
    int available() { return 1; }
    size_t readBytes(char *to, size_t count) {
        if (std::fread(to, 1, count, stdin) != count) { std::exit(0); }
        return count;
    }
    void print(const char *text) { std::printf("%s", text); }
    void println(int number) { std::printf("%d\\r\\n", number); }
    void println(float number, int digits) { std::printf("%.*f\\r\\n", digits, (double)number); }
};
static Line Serial;
"""
"""A stand-in for Arduino's library: the serial line is standard input and output."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the README's first run has been trained."""
    found = tmp_path_factory.mktemp("guides")
    (found / "benchmarks").symlink_to(ROOT / "benchmarks")
    trained = mnistx("train", "--dataset", "digits", "--epochs", "5", "--out", found / "artifacts" / "runs" / "first")
    assert trained.exit_code == 0, trained.output
    (found / "bin").mkdir()
    command = found / "bin" / "mnistx"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mnistx_runtime "$@"\n')
    command.chmod(0o755)
    (found / "cargo").mkdir()
    (found / "cargo" / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{CRATES}"\n'
    )
    return found


def follow(guide: str, folder: Path) -> str:
    """What the guide's blocks of shell print, one after the other, once the files that it shows are written."""
    text = (ROOT / "docs" / guide).read_text()
    missing = [command for command in GUIDES[guide] if not shutil.which(command)]
    missing += ["librust-cc-dev"] if "cargo" in GUIDES[guide] and not CRATES.is_dir() else []
    if missing:
        assert not os.environ.get("CI"), f".ci/run installs {missing}"
        pytest.skip(f"needs {', '.join(missing)}")
    for name, content in NAMED.findall(text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    environment = os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"CARGO_HOME": str(folder / "cargo"), "CARGO_NET_OFFLINE": "true"}
    printed = ""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        printed += done.stdout
    return printed


@pytest.mark.slow
def test_a_program_in_c_and_one_in_rust_answer_alike(folder: Path) -> None:
    printed = follow("embedding-c.md", folder).splitlines()
    assert len(printed) > 1 and printed[-1] == printed[-2] and printed[-1] in "0123456789"


@pytest.mark.slow
def test_the_firmware_passes_its_self_test_and_the_sketch_answers(folder: Path) -> None:
    assert "self-test: passed" in follow("microcontroller.md", folder)
    library = folder / "firmware" / "model-int8.c99"
    (folder / "Arduino.h").write_text(SERIAL)
    sketch = (library / "examples" / "serial" / "serial.ino").read_text()
    (folder / "main.cpp").write_text(f"{sketch}\nint main() {{ setup(); for (;;) {{ loop(); }} }}\n")
    subprocess.run(["gcc", "-O1", "-c", library / "model_int8.c", "-o", "model.o"], cwd=folder, check=True)
    call = ["g++", "-Wall", "-Wextra", "-Werror", "-I.", f"-I{library}", "main.cpp", "model.o", "-lm", "-o", "sketch"]
    subprocess.run(call, cwd=folder, check=True)
    done = subprocess.run(["./sketch"], cwd=folder, input=bytes(784), capture_output=True, check=True)
    first, answer = done.stdout.decode().splitlines()
    assert first == "self-test: 0"
    assert re.fullmatch(r"\d -?\d+\.\d{6}", answer)
