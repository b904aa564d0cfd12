"""mnistx sign"""

import sys
from pathlib import Path

import click

from mnistx_runtime.commands import as_json, judge_each


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The private key, a PEM file.")
@click.option(
    "--certificate", type=click.Path(path_type=Path), help="The key's certificate, and those between, in PEM."
)
@as_json
def sign(models: tuple[Path, ...], key: Path, certificate: Path | None, as_json: bool) -> None:
    """Sign each MODEL, and write the signature beside it, MODEL.sig.

    The key is one of openssl's, on an elliptic curve; a MODEL of several files is signed as a whole. `mnistx verify
    --trust PUBLIC.pem` checks the signature. Exit code 0: all are signed; 1: one isn't what was exported; 2: one, or
    the key, can't be read.
    """
    from mnistx_runtime.signature.sign import SigningKey

    signing = SigningKey(key, certificate, _ask_password(key))
    _, worst = judge_each(models, signing.sign, as_json)
    click.get_current_context().exit(worst)


def _ask_password(key: Path) -> str | None:
    """The password of a key that is encrypted; None of another.

    Raises:
        BadInput: there's no terminal to ask at.
    """
    from mnistx_runtime.errors import BadInput

    if not key.is_file() or b"ENCRYPTED" not in key.read_bytes():
        return None
    if not _at_a_terminal():
        raise BadInput(f"{key} is encrypted; its password is asked for at a terminal, and there is none")
    password: str = click.prompt(f"Password of {key}", hide_input=True, err=True)
    return password


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
