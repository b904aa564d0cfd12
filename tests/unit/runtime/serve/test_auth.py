from pathlib import Path

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.auth import VARIABLE, is_authorized, read_token


def test_the_file_goes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert read_token(None) is None
    monkeypatch.setenv(VARIABLE, "of-the-variable")
    assert read_token(None) == b"of-the-variable"
    (tmp_path / "token").write_text("of-the-file\n")
    assert read_token(tmp_path / "token") == b"of-the-file"


@pytest.mark.parametrize("text", ["", "\n", "two words", "é", "a" * 5000])
def test_what_is_no_token_is_told(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(BadInput, match="must hold a token"):
        read_token(tmp_path / "token")
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(BadInput, match="MNISTX_TOKEN must hold a token"):
        read_token(None)
    with pytest.raises(BadInput, match="can't be read"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize("header", [b"", b"secret", b"Bearer", b"Bearer ", b"Bearer secre", b"Basic secret"])
def test_nothing_but_the_token_is_let_in(header: bytes) -> None:
    assert not is_authorized(header, b"secret") and is_authorized(b"bearer secret", b"secret")
