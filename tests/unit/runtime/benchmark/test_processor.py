from pathlib import Path

import pytest

from mnistx_runtime.benchmark.processor import processor

X86 = "model name\t: X\nflags\t\t: fpu avx2 avx512f avx512_vnni\n"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"{X86}\n{X86}", "X (avx2, avx512f, avx512_vnni)"),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp\n", "(asimd, asimddp)"),
        ("", "(no vector extension known here)"),
    ],
)
def test_the_processor_is_named_with_what_it_can_do(lines: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(lines)
    assert told in processor(tmp_path / "cpuinfo")
