"""mnistx runtimes"""

import click

from mnistx_runtime.commands import as_json, print_json, say


@click.command()
@as_json
def runtimes(as_json: bool) -> None:
    """List the runtimes and whether they can run."""
    from mnistx_runtime.backends import BACKENDS, SUFFIXES
    from mnistx_runtime.registry import look_up

    for name in BACKENDS:
        reason = look_up(BACKENDS, name, "runtime")().check()
        endings = [ending for ending, runtime in SUFFIXES.items() if runtime == name]
        if as_json:
            print_json({"runtime": name, "available": reason is None, "reason": reason, "endings": endings})
        else:
            say(f"{name:<12} {' '.join(endings):<14} {reason or 'can run here'}")
