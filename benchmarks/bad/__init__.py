"""What goes wrong at a command line: a table of each kind of input, and how each of them is made."""

TABLES = {
    "Pictures": "bad.pictures:CASES",
    "Folders and names of pictures": "bad.pictures:FOLDERS",
    "Files of answers and figures": "bad.answers:CASES",
    "Models of any format": "bad.models:CASES",
    "ONNX files of other tools": "bad.models:FOREIGN",
    "Signatures and keys": "bad.signatures:CASES",
    "Checkpoints": "bad.checkpoints:CASES",
    "Run folders": "bad.runs:CASES",
    "Data sets": "bad.data:CASES",
    "Networks and specs": "bad.networks:CASES",
    "Words of the command line": "bad.machine:WORDS",
    "The machine": "bad.machine:CASES",
}
"""By the heading of its part of the page."""
