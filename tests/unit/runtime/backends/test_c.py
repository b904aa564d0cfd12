import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from keys import write_pair
from mnistx_runtime import Predictor, c_build
from mnistx_runtime.artifact.c_library import own_triple
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.verification import verify, verify_payload
from mnistx_runtime.backends import backend
from mnistx_runtime.backends.c import C
from mnistx_runtime.c_build import compiler, shared_library
from mnistx_runtime.errors import ArtifactError, BackendUnavailable
from mnistx_runtime.signature.sign import SigningKey
from pixel_model import ANSWERS, IMAGES, METADATA

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler: apt install gcc")

HEADER = """#include <stdint.h>
#define TWO_WORKSPACE_BYTES 32
int two_predict(const uint8_t *image, float *log_probs, void *workspace);
"""
SOURCE = """#include "two.h"
#include "two_certificate.h"
int two_predict(const uint8_t *image, float *log_probs, void *workspace)
{
    float *const own = (float *)workspace;
    own[0] = -(float)image[0];
    own[7] = -(float)image[63];
    log_probs[0] = own[0];
    log_probs[1] = own[7];
    return 0;
}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def written(folder: Path, header: str = HEADER, source: str = SOURCE, library: bytes = b"") -> Path:
    payload = {".c99/two.h": header.encode(), ".c99/two.c": source.encode()}
    payload |= {f".c99/lib/{own_triple()}/two.so": library} if library else {}
    for ending, data in seal(".c99", payload, METADATA, Certificate(IMAGES, ANSWERS)).items():
        path = folder / f"m{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "m.c99"


def test_it_answers_and_verifies_by_its_path(tmp_path: Path) -> None:
    path = written(tmp_path)
    session = backend("c").load(path, 1)
    assert np.array_equal(session.run(IMAGES), ANSWERS)
    assert np.array_equal(session.run(IMAGES[:, :, ::-1]), -IMAGES[:, 0, [7, 0], [0, 7]].astype(np.float32))
    assert session.run(IMAGES[:0]).shape == (0, 2)
    found = verify(path)
    assert found.passed and found.runtime == "c"


def test_a_folder_that_was_moved_is_the_same_model(tmp_path: Path) -> None:
    shutil.move(written(tmp_path), tmp_path / "renamed.c99")
    assert verify(tmp_path / "renamed.c99").passed


def test_what_changed_is_seen_and_not_built(tmp_path: Path) -> None:
    path = written(tmp_path)
    (path / "two.c").write_text(SOURCE.replace("own[7] =", "own[7] = 0.5f *"))
    assert verify(path).differences == ["model"]
    with pytest.raises(ArtifactError, match="is not what was exported"):
        backend("c").load(path, 1)
    assert not (tmp_path / "cache").exists()


def test_a_self_test_that_changed_is_seen(tmp_path: Path) -> None:
    path = written(tmp_path)
    header = path / "two_certificate.h"
    header.write_text(
        header.read_text().replace("golden_tolerances[5] = {\n    0x", "golden_tolerances[5] = {\n    10x", 1)
    )
    assert verify(path).differences == ["metadata"]


def test_strangers_code_is_not_built_unless_its_user_trusts_it(tmp_path: Path) -> None:
    marked = tmp_path / "ran"
    attack = "#include <stdlib.h>\n" + SOURCE.replace("    own[0]", f'    system("touch {marked}");\n    own[0]')
    path = written(tmp_path, source=attack)
    with pytest.raises(ArtifactError, match=r"holds #include <stdlib\.h>, which no classifier needs"):
        verify(path)
    assert not (tmp_path / "cache").exists()
    assert verify(path, allow_foreign=True).passed
    assert marked.exists()


@pytest.mark.parametrize(
    "header, source, reason",
    [
        (HEADER.replace("32", "-1"), SOURCE, "how much workspace"),
        (HEADER.replace("32", "99999999999"), SOURCE, "how much workspace"),
        (HEADER, SOURCE.replace("two_predict", "two_other"), "can't be loaded"),
        (HEADER, SOURCE.replace("return 0", "return 1"), "refused its own workspace"),
    ],
)
def test_code_that_is_none_of_ours_is_told(header: str, source: str, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path, header, source)
    with pytest.raises(ArtifactError, match=reason):
        backend("c").load(open_artifact(path), 1).run(IMAGES)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What is built of the source; from then on there's no compiler, in this process and in those that it starts."""
    with shared_library({"two.h": HEADER.encode(), "two.c": SOURCE.encode(), "two_certificate.h": b""}, "two") as path:
        built = path.read_bytes()
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr(c_build, "find_spec", lambda name: None)
    return built


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are for Linux")
def test_without_a_compiler_a_library_that_was_signed_answers(
    library: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, library=library)
    assert compiler() is None
    with pytest.raises(ArtifactError, match=r"is machine code, which runs only where a key that MNISTX_TRUST names"):
        Predictor(path, "c")
    private, public = write_pair(tmp_path)
    SigningKey(private).sign(path)
    with pytest.raises(ArtifactError, match=r"is machine code"):
        Predictor(path, "c")  # a signature that nobody checked
    monkeypatch.setenv("MNISTX_TRUST", str(public))
    assert np.array_equal(backend("c", path).load(path, 1).run(IMAGES), ANSWERS)


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are for Linux")
def test_a_library_whose_maker_is_trusted_answers(library: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, library=library)
    assert np.array_equal(backend("c", path).load(open_artifact(path, allow_foreign=True), 1).run(IMAGES), ANSWERS)
    with pytest.raises(BackendUnavailable, match="no C compiler was found"):
        backend("c", written(tmp_path / "without"))


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are for Linux")
@pytest.mark.parametrize("change", ["byte", "more", "gone"])
def test_a_library_that_changed_is_seen_and_not_loaded(change: str, library: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, library=library)
    (file,) = path.rglob("*.so")
    if change == "byte":
        file.write_bytes(library[:-1] + bytes([library[-1] ^ 1]))
    elif change == "more":
        (path / "lib" / "s390x-linux-gnu").mkdir()
        (path / "lib" / "s390x-linux-gnu" / "two.so").write_bytes(b"x")
    else:
        file.unlink()
    opened = open_artifact(path, allow_foreign=True)
    with pytest.raises(ArtifactError, match="is not what was exported"):
        C().load(opened, 1)
    (differs,) = verify_payload(opened).differences
    assert differs.startswith("lib/") and differs.endswith("/two.so")
