"""Specs of a network of one's own."""

from fuzz.target import Target, folder_of
from mnistx_export.spec_file import TEMPLATE, read_spec


def _read(data: bytes) -> None:
    with folder_of({"s.toml": data}) as folder:
        spec = read_spec(folder / "s.toml", with_network=b"network" in data)
        assert spec.spec.shape and spec.names


def seeds() -> list[bytes]:
    """The template, and one with all of its lines."""
    whole = TEMPLATE.replace("\n# ", "\n")
    plain = "\n".join(line.partition("#")[0] for line in whole.splitlines() if not line.startswith("What"))
    return [TEMPLATE.encode(), plain.encode(), plain.replace("weights", "# weights").encode()]


SPEC = Target(seeds, _read)
