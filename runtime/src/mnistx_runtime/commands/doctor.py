"""mnistx doctor"""

import click

from mnistx_runtime.commands import as_json, print_json, say


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Check the installation and this machine, and say how to mend what is wrong.

    Exit code 0: nothing is wrong; 1: something is. Warnings, and what is absent and nobody asked for, change no exit
    code.
    """
    from mnistx_runtime.doctor import ABSENT, OK, WARNING, WRONG, examine

    marks = {OK: ("ok", "green"), ABSENT: ("-", None), WARNING: ("warning", "yellow"), WRONG: ("WRONG", "red")}
    count = dict.fromkeys(marks, 0)
    for finding in examine():
        count[finding.state] += 1
        if as_json:
            print_json(finding.to_dict())
            continue
        mark, colour = marks[finding.state]
        click.secho(f"{mark:<8}", fg=colour, nl=False)
        absent = f": {finding.mend}" if finding.state == ABSENT else ""
        say(f"{finding.what:<20} {finding.text}{absent}")
        if finding.mend and not absent:
            say(f"{'':<29}to mend it: {finding.mend}")
    if not as_json:
        warned = f"; {count[WARNING]} warning{'s' * (count[WARNING] != 1)}" if count[WARNING] else ""
        say((f"{count[WRONG]} wrong" if count[WRONG] else "nothing is wrong") + warned)
    click.get_current_context().exit(1 if count[WRONG] else 0)
