import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mnistx_runtime.cluster.session import SETTINGS, _kept_handlers, ray_session, require_ray
from mnistx_runtime.errors import BackendUnavailable, BadInput

OWN = """
import os
from contextlib import suppress
from pathlib import Path
import psutil
from mnistx_runtime.cluster.session import granted_cpus, ray_session
from mnistx_runtime.system.streams import own_process
before = dict(os.environ)
with own_process(), ray_session(1):
    import ray
    from ray._common.usage import usage_lib
    assert not usage_lib.usage_stats_enabled()
    assert ray.cluster_resources()["CPU"] == 1
    assert ray.get(ray.remote(granted_cpus).options(num_cpus=1).remote()) == 1
    environments = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            environments.append(process.environ())
    reports = [each["RAY_USAGE_STATS_ENABLED"] for each in environments if each]  # one that has ended has none
    assert len(reports) > 3 and {*reports} == {"0"}, reports
    assert not ray._private.worker._global_node.webui_url
    folder = ray._private.worker._global_node.get_session_dir_path()
assert dict(os.environ) == before and not Path(folder).exists()
"""


def test_without_ray_its_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_ray()
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda name: None if name == "pyarrow" else name)
    with pytest.raises(BackendUnavailable, match=r"pyarrow is missing: pip install 'mnistx-runtime\[ray\]'"):
        require_ray()


def test_ray_answers_no_signal() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with _kept_handlers():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == before


def test_nothing_is_reported() -> None:
    assert SETTINGS["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.slow
def test_a_cluster_of_its_own_reports_nothing_says_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", OWN],
        env=kept | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("address", ["127.0.0.1:9", "[::1]:9"])
def test_a_cluster_that_is_nowhere_is_told_in_a_line(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    children = psutil.Process().children()
    with pytest.raises(BadInput, match="no Ray cluster can be reached at RAY_ADDRESS="), ray_session(1):
        pass
    assert psutil.Process().children() == children
