"""The errors that mnistx raises for its user; anything else that escapes is a bug.

An error that carries `exit_code` is meant for the user: the command line prints its text as one line and ends with
that code, whichever package it comes from.
"""


class MnistxError(Exception):
    """Base of all errors that mnistx raises on purpose.

    ```
    MnistxError                 exit code 2: wrong usage or bad input
    ├── BadInput                a picture, array or option that can't be used
    │   ├── UnreadablePicture   a picture that can't be opened
    │   │   └── PictureTooLarge     one that would take too much memory or time
    │   └── TrainError          of mnistx-train: data, a checkpoint or a network that can't be used
    │       └── NotAtHand       a data set that is nowhere to be found
    ├── ArtifactError           a model file that is missing, damaged or foreign
    ├── BackendUnavailable      a runtime that can't run here, and the line that installs it
    ├── PredictionRefused       exit code 1: a picture that holds no digit to read
    └── VerificationFailed      exit code 1: a model that is not the one that was trained
        └── UntrustedModel      exit code 1: a model that nobody who is trusted signed
    ```
    """

    exit_code = 2


class BadInput(MnistxError):
    """A picture, array or option that can't be used; the text says what would be."""


class UnreadablePicture(BadInput):
    """A picture that can't be opened; the text begins with its name."""


class PictureTooLarge(UnreadablePicture):
    """A picture that would take more memory or time than its limits allow, told before it is decoded."""


class ArtifactError(MnistxError):
    """A model file that is missing, damaged, or was not made for this interface."""


class BackendUnavailable(MnistxError):
    """A runtime that was asked for and can't run here; the text holds the line that installs it."""


class PredictionRefused(MnistxError):
    """A picture in which there is nothing to read: a refusal instead of a guess."""

    exit_code = 1


class VerificationFailed(MnistxError):
    """A model whose outputs or weights differ from the trained model's by more than its tolerance."""

    exit_code = 1


class UntrustedModel(VerificationFailed):
    """A model that isn't signed by a key that is trusted, or isn't what was signed."""


def describe_error(error: BaseException) -> str:
    """What an error of a library says, in one line; where it says nothing, what it is.

    >>> describe_error(OSError("no such  library")), describe_error(ImportError())
    ('no such library', 'ImportError')
    >>> describe_error(MemoryError()), describe_error(RecursionError("maximum recursion depth exceeded"))
    ('not enough memory', 'it is nested too deeply')
    >>> describe_error(KeyError("names")), describe_error(OSError(2, "No such file or directory", "a.json"))
    ("'names' is missing", 'No such file or directory')
    """
    if isinstance(error, KeyError) and error.args:
        text = f"{error.args[0]!r} is missing"
    elif isinstance(error, RecursionError):
        text = "it is nested too deeply"
    elif isinstance(error, UnicodeDecodeError):
        text = "it is no text in UTF-8"
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, ImportError) and "failed to map segment" in str(error):
        text = f"not enough memory to load {str(error).partition(':')[0]}"
    else:
        text = str(error)
    name = "not enough memory" if isinstance(error, MemoryError) else type(error).__name__
    return " ".join(text.split()) or name
