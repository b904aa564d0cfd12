import signal


def start() -> None:
    """Run the command line. Ctrl-C ends the process without a traceback also while it starts and while it ends."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mnistx_runtime.cli import main

    main(prog_name="mnistx")


if __name__ == "__main__":
    start()
