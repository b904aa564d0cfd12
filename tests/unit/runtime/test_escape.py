import pytest

from mnistx_runtime.escape import escape_controls, escape_formula


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("seven 7 ß 数字.png", "seven 7 ß 数字.png"),
        ("a\nb\r\t\0", r"a\x0ab\x0d\x09\x00"),
        ("\x1b]0;title\x07\x7f", r"\x1b]0;title\x07\x7f"),
        ("\x9b31m", r"\xc2\x9b31m"),
        ("\udc9b31m\udcff", r"\x9b31m\xff"),
        ("\ud800", r"\xed\xa0\x80"),
        ("exe.\u202egnp", r"exe.\xe2\x80\xaegnp"),
        ("a\u2028b", r"a\xe2\x80\xa8b"),
        (r"C:\new\x", r"C:\new\x"),
        (r"a\x0ab", r"a\x5cx0ab"),
    ],
)
def test_controls_and_bytes_that_are_no_text_are_shown_as_numbers(text: str, escaped: str) -> None:
    assert escape_controls(text) == escaped


def test_different_names_stay_different() -> None:
    parts = ["a", "\n", "\\", "x", "0a", "5c", "\udc8a", "\x8a", "\\x0a"]
    names = {a + b + c + d for a in parts for b in parts for c in parts for d in parts}
    assert len({escape_controls(name) for name in names}) == len(names)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1+1", "--"])
def test_a_formula_is_made_text(text: str) -> None:
    assert escape_formula(text) == f"'{text}"
    assert escape_formula(text, "./") == f"./{text}"


@pytest.mark.parametrize("text", ["", "-", "+", "=", "-1", "+1.5", "seven", "a=b", "1-2", "'=1"])
def test_what_no_spreadsheet_computes_stays_as_it_is(text: str) -> None:
    assert escape_formula(text) == text
