import subprocess
import sys

import pytest

from command import PICTURES
from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.address_space import least_address_space, require_address_space

LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 20,) * 2)\n"
    "from mnistx_runtime.cli import main; main(['predict', sys.argv[2]], prog_name='mnistx')"
)


def predict_within(mib: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMITED, str(mib), str(PICTURES / "seven.jpg")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
@pytest.mark.parametrize("above", [-150, -60, -1, 1, 100])
def test_too_little_memory_is_one_line_and_enough_is_an_answer(above: int) -> None:
    done = predict_within((least_address_space() >> 20) + above)
    if done.returncode == 0:
        assert above > 0 and ": 7 (" in done.stdout and done.stderr == ""
    else:
        assert done.returncode == 2 and done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    assert done.returncode == 0 or above < 100


def test_a_limit_is_told_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100 << 20, -1))
    monkeypatch.setattr("mnistx_runtime.system.address_space.available_cpus", lambda: 2)
    with pytest.raises(BadInput, match=r"may use 100 MiB of address space.*at least 208 "):
        require_address_space()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (-1, -1))
    require_address_space()
