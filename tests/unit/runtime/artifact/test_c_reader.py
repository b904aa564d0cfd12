import pytest

from mnistx_runtime.artifact.c_check import check_c
from mnistx_runtime.artifact.c_reader import STATUSES, TEXTS, without_reader
from mnistx_runtime.errors import ArtifactError


def test_statuses_are_told_apart_by_sign() -> None:
    numbers = [each.status for each in STATUSES]
    assert len(set(numbers)) == len(numbers)
    assert {each.name for each in STATUSES if each.status < 0} == {"BAD_ARGUMENT", "TOO_LARGE"}


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_no_text_of_the_reader_is_an_instruction(text: str) -> None:
    """`check_c` lets them stand wherever a text may."""
    source = f"static const char *f(void)\n{{\n    return {text};\n}}\n"
    check_c({"net_read.c": source.encode()}, "net", "net.c99")
    assert text.count(" ") >= 2
    with pytest.raises(ArtifactError, match="holds the text"):
        check_c({"net_read.c": source.replace(" ", "  ").encode()}, "net", "net.c99")


@pytest.mark.parametrize(
    "names, models",
    [
        (["net", "net_read"], ["net"]),
        (["net_read"], ["net_read"]),
        (["a", "b_read"], ["a", "b_read"]),
        (["x_read", "x_read_read"], ["x_read"]),
    ],
)
def test_a_model_whose_own_name_ends_so_is_one(names: list[str], models: list[str]) -> None:
    assert without_reader(names) == models
