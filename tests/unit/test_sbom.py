import json
import tomllib

import pytest

import sbom
from command import ROOT
from mnistx_runtime.bundled import BUNDLED_SHA256

FILE = ROOT / "runtime" / "mnistx-runtime.cdx.json"


def test_the_sbom_is_the_one_of_this_package() -> None:
    assert sbom.sbom() == FILE.read_bytes(), f"run python benchmarks/sbom.py {FILE.relative_to(ROOT)}"


def test_it_names_what_is_asked_for_and_what_is_bundled_and_nothing_of_the_build() -> None:
    values = json.loads(FILE.read_bytes())
    project = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text())["project"]
    asked = {each["value"] for part in values["components"] for each in part["properties"] if "req" in each["name"]}
    assert asked == set(project["dependencies"]) and values["metadata"]["component"]["version"] == project["version"]
    assert [part["hashes"][0]["content"] for part in values["components"] if "hashes" in part] == [BUNDLED_SHA256]
    assert "serialNumber" not in values and "timestamp" not in FILE.read_text() and "/tmp" not in FILE.read_text()


def test_a_file_of_another_kind_must_be_accounted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "PACKAGE", ROOT / "train" / "src" / "mnistx_train")
    with pytest.raises(ValueError, match="is bundled: say here what it is"):
        sbom.sbom()
