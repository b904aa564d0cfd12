"""Where the templates of C lie, and how they are filled."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Of the files in `templates`: a name that isn't given is an error."""
    return Environment(
        loader=PackageLoader("mnistx_export.codegen"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
