from mnistx_export.codegen.reader_pair import LARGEST, fill_pair
from mnistx_runtime.artifact.c_reader import STATUSES, UNKNOWN


def test_a_pair_is_named_by_its_model_and_holds_the_statuses() -> None:
    files = fill_pair(
        "net",
        "read_scaled.h",
        ("reason",),
        {"bytes": 32, "mode": "exact", "interpolation": "box", "channels": 1},
        STATUSES[:2],
    )
    assert list(files) == ["net_read.h", "net_read.c", "example/picture.c"]
    header, code, _ = (data.decode() for data in files.values())
    assert f"#define NET_READ_LARGEST {LARGEST} " in header and "#define NET_READ_BAD_ARGUMENT (-1) " in header
    assert code.count("case ") == 2 and f'return "{UNKNOWN}";' in code
