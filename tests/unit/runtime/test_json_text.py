import json

import pytest

from command import mnistx
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.json_text import json_text


def test_what_json_has_is_as_json_dumps_writes_it() -> None:
    values = {"a": [1, 2.5, None, True, "é"], "b": {}}
    assert json_text(values) == json.dumps(values) and json_text(values, 1) == json.dumps(values, indent=1)


@pytest.mark.parametrize("number", [float("inf"), -float("inf"), float("nan")])
def test_what_json_lacks_is_null_at_every_depth(number: float) -> None:
    assert json.loads(json_text({"a": [number, (number, 1)], "b": {"c": number}})) == {
        "a": [None, [None, 1]], "b": {"c": None}
    }  # fmt: skip


def test_a_command_prints_no_infinity(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from mnistx_runtime.artifact import parity, verification

    real = parity.compare

    def without_end(*args: object) -> object:
        return replace(real(*args), max_abs=float("inf"), scaled_abs=float("inf"))  # type: ignore[arg-type]

    monkeypatch.setattr(verification, "compare", without_end)
    found = mnistx("verify", "--json", BUNDLED)
    assert found.exit_code == 1 and '"max_abs": null' in found.stdout and "Infinity" not in found.stdout
