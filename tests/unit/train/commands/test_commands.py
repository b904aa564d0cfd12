import subprocess
import sys

import click
import pytest

from mnistx_train.commands import name_sides, parse_size

PARAM = click.Option(["--size"])


def test_commands_import_only_click_until_they_are_called() -> None:
    code = (
        "import sys; import mnistx_train.commands.train, mnistx_train.commands.data; "
        "print(*{'torch', 'torchvision', 'numpy', 'sklearn', 'matplotlib'} & sys.modules.keys())"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("text", "size"), [("96", (96, 96)), ("40x48", (40, 48)), ("40X48", (40, 48)), ("8", (8, 8)), (None, None)]
)
def test_a_size_is_one_side_or_height_and_width(text: str | None, size: tuple[int, int] | None) -> None:
    assert parse_size(click.Context(click.Command("c")), PARAM, text) == size


@pytest.mark.parametrize(
    "text", ["", "7", "1025", "40x", "x48", "40x48x3", "-96", "9.6", "²²", "40 x 48", "large", "9" * 5000]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size; write 96, or 40x48"):
        parse_size(click.Context(click.Command("c")), PARAM, text)


def test_sides_go_by_the_names_of_the_configuration() -> None:
    assert name_sides((40, 48), 1) == {"height": 40, "width": 48, "channels": 1}
    assert name_sides(None, 3) == {"channels": 3} and name_sides(None, None) == {}
