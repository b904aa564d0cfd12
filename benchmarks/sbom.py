"""Writes what the runtime's wheel holds and asks for: an SBOM of CycloneDX.

`python benchmarks/sbom.py runtime/mnistx-runtime.cdx.json` reads pyproject.toml and the package's folder. Same package,
same bytes: there is no time and no random number in it. Building the wheel puts the file into its metadata (PEP 770).
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.digests import sha256

RUNTIME = Path(__file__).parent.parent / "runtime"
PACKAGE = RUNTIME / "src" / "mnistx_runtime"


def wheel(project: dict[str, Any]) -> Component:
    """The wheel itself."""
    return Component(
        name=project["name"],
        version=project["version"],
        description=project["description"],
        type=ComponentType.LIBRARY,
        bom_ref=project["name"],
        purl=PackageURL("pypi", None, project["name"], project["version"]),
        licenses=[DisjunctiveLicense(id=project["license"])],
    )


def dependency(requirement: str) -> Component:
    """What is installed beside the wheel, and isn't in it; which version is the installer's choice."""
    match = re.match(r"[\w-]+", requirement)
    assert match is not None
    return Component(
        name=match[0],
        type=ComponentType.LIBRARY,
        bom_ref=match[0],
        purl=PackageURL("pypi", None, match[0]),
        scope=ComponentScope.REQUIRED,
        properties=[Property(name="mnistx:requirement", value=requirement)],
    )


def bundled_model(path: Path, version: str) -> Component:
    """A model inside the wheel, with the licence that its metadata name."""
    metadata = open_artifact(path).metadata
    where = path.relative_to(PACKAGE.parent).as_posix()
    return Component(
        name=path.name,
        version=version,
        description=metadata.description,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=where,
        scope=ComponentScope.REQUIRED,
        licenses=[DisjunctiveLicense(id=metadata.license)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(path.read_bytes()))],
        properties=[Property(name="mnistx:path", value=where)],
    )


def sbom() -> bytes:
    """The SBOM, as JSON.

    Raises:
        ValueError: the package bundles a file of a kind that isn't known here.
    """
    project = tomllib.loads((RUNTIME / "pyproject.toml").read_text())["project"]
    files = [path for path in sorted(PACKAGE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    bundled = [path for path in files if path.suffix != ".py" and path.name != "py.typed"]
    unknown = [path.name for path in bundled if path.suffix != ".onnx"]
    if unknown:
        raise ValueError(f"{unknown[0]} is bundled: say here what it is, and under which licence")
    whole = wheel(project)
    parts = [*map(dependency, project["dependencies"]), *(bundled_model(path, project["version"]) for path in bundled)]
    bom = Bom(components=parts)
    bom.metadata.component = whole
    bom.register_dependency(whole, parts)
    values = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    del values["serialNumber"], values["metadata"]["timestamp"]
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(sbom())
