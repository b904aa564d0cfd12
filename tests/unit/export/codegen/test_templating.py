import pytest
from jinja2 import UndefinedError

from mnistx_export.codegen.templating import environment


def test_a_template_is_filled_as_it_lies_there() -> None:
    text = environment().from_string("a {{ name }}\n{% if more %}\nb\n{% endif %}\n").render(name="x", more=True)
    assert text == "a x\nb\n"


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="name"):
        environment().from_string("{{ name }}").render()
