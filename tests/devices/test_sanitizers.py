"""Generated C under sanitizers: few images; `benchmarks/c_sanitizers.py` runs a million."""

from pathlib import Path

import pytest

from c_sanitizers import READS, SHARES, build, page, read, run, same_bits
from devices.sources import Sources
from mnistx_export.codegen.kernels import KERNELS

IMAGES = 40  # of a target: of all six, some hundreds


@pytest.mark.slow
def test_nothing_is_found_and_int8_answers_the_same(sources: dict[tuple[str, str], Sources], tmp_path: Path) -> None:
    found = {}
    for (format, target), code in sources.items():
        folder = tmp_path / f"{format}-{target}"
        folder.mkdir()
        found[format, target] = run(build(code, folder), 1, IMAGES, IMAGES)
    assert {key: each.fault for key, each in found.items() if each.fault} == {}
    assert [each.images for each in found.values()] == [IMAGES] * 6
    assert same_bits(found)
    pictures = read(build(sources[READS], tmp_path, reads=True), 100, IMAGES)
    assert pictures.fault == "" and sum(pictures.statuses) == IMAGES
    text = page(found, pictures, 240)
    assert "the same bits" in text and f"\n{IMAGES} seeded pictures" in text and "| `NO_INK` |" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("#define MODEL_WORKSPACE_BYTES ", "#define MODEL_WORKSPACE_BYTES 16 + 0 * "),
        ("i < 10; i++) {\n        y[i] -= total;", "i < 11; i++) {\n        y[i] -= total;"),
    ],
)
def test_a_byte_beyond_is_found(
    sources: dict[tuple[str, str], Sources], right: str, wrong: str, tmp_path: Path
) -> None:
    code = sources["c-int8", "size"]
    changed = {name: data.replace(right.encode(), wrong.encode()) for name, data in code.items()}
    assert changed != code
    found = run(build(changed, tmp_path), 1, 1, 1)
    assert "buffer-overflow" in found.fault and found.images == 0


def test_all_images_are_shared_out() -> None:
    assert SHARES.keys() == KERNELS.keys() and 2 * sum(SHARES.values()) == pytest.approx(1)
