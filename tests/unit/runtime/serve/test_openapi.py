"""The description is held to what the server does, by schemathesis."""

import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis  # noqa: F401  # whose program is run

from mnistx_runtime.serve.auth import OPEN
from server_process import Server

CASES = {
    "tensors and pages": ("--exclude-path", "/predict"),
    # random bytes fit the description, and are no picture
    "pictures": ("--include-path", "/predict", "--exclude-checks", "positive_data_acceptance"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_server_does_what_its_description_says(name: str, server: Server, tmp_path: Path) -> None:
    program = str(Path(sys.executable).with_name("schemathesis"))
    url = f"http://127.0.0.1:{server.port}/openapi.json"
    options = ("--max-examples", "3", "--phases", "examples,fuzzing", "--seed", "1", "--no-color")
    command = [program, "run", url, *options, "--generation-database", "none", *CASES[name]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0 and "0 found" not in done.stdout, done.stdout[-3000:] + done.stderr
    assert all(line["status"] < 500 for line in server.lines())


def test_only_what_asks_for_a_token_says_so(server: Server) -> None:
    for path, at in server.get("/openapi.json").json()["paths"].items():
        answers = [each["responses"] for name, each in at.items() if name != "parameters"]
        assert answers and all(("401" in each) == (path not in OPEN) for each in answers), path
