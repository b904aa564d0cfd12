"""The two machines of benchmarks/cluster.py, in small."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import cluster
from mnistx_export.golden import draw_digit

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("ip"),
    reason="makes network namespaces, which takes root and ip",
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 640 pictures, one of which can't be read."""
    folder = tmp_path_factory.mktemp("pictures") / "in"
    folder.mkdir()
    for number in range(10):
        Image.fromarray(255 - draw_digit(number, number, 56)).save(folder / f"{number}.png")
    for number in range(10, 639):
        os.link(folder / f"{number % 10}.png", folder / f"{number}.png")
    (folder / "none.png").write_text("no picture")
    return folder


@pytest.mark.minutes
@pytest.mark.slow
def test_a_machine_that_is_lost_loses_nothing_and_doubles_nothing(pictures: Path, tmp_path: Path) -> None:
    one, out = tmp_path / "one.csv", tmp_path / "out.csv"
    cluster.answer_here(pictures, one, 1)
    try:
        with cluster.two_hosts() as hosts:
            for host in (0, 1):
                hosts.start(host, 1)
            stop = cluster.kill_second(hosts, lambda: hosts.is_answering(1))
            cluster.answer_on(hosts, pictures, out, stop)
            names = hosts.names
    except subprocess.CalledProcessError as error:
        pytest.skip(f"may make no network namespaces here: {error}")
    assert cluster.rows_of(out) == cluster.rows_of(one) and cluster.rows_of(one)[1] == 640
    assert cluster.differing(out, one) == "0 lost, 0 doubled, 0 others, 0 that say something else"
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert not any(name in listed for name in names)


def test_rows_that_differ_are_counted(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("source,label\na,1\nb,2\nc,3\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.csv").write_text("source,label\na,1\na,1\n")
    (tmp_path / "out" / "part-00001.csv").write_text("source,label\nb,7\nd,4\n")
    found = cluster.differing(tmp_path / "out", tmp_path / "one.csv")
    assert found == "1 lost, 1 doubled, 1 others, 1 that say something else"
