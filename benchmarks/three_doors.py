"""Publishes what a newcomer sees who brings a network of their own: every command and its output.

`python benchmarks/three_doors.py artifacts` draws pictures, trains a network on them by a script as users write it,
exports it by the three doors, verifies it and predicts in an environment that holds only the runtime, makes five
deliberate mistakes, and writes three_doors.md. Everything but that page happens in an empty temporary folder.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

NET = """\
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 16, 3, padding=1)
        self.b = nn.Conv2d(16, 32, 3, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.fc = nn.Linear(32 * 5 * 6, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.a(x)), 4)
        x = F.max_pool2d(F.relu(self.norm(self.b(x))), 2)
        return self.fc(x.flatten(1))


def build():
    return Net()
"""

DRAW = """\
from pathlib import Path
import numpy as np
from PIL import Image, ImageDraw

random = np.random.default_rng(0)
for part, count in (("pictures", 60), ("new", 4)):
    for label, name in enumerate(("circle", "square", "triangle")):
        Path(part, name).mkdir(parents=True)
        for k in range(count):
            w, h = (int(side) for side in random.integers(80, 140, 2))
            picture = Image.new("RGB", (w, h), tuple(int(v) for v in random.integers(140, 255, 3)))
            draw, ink = ImageDraw.Draw(picture), tuple(int(v) for v in random.integers(0, 100, 3))
            x, y, s = w / 2 + random.integers(-9, 9), h / 2 + random.integers(-9, 9), random.integers(20, 32)
            if name == "triangle":
                draw.polygon([(x, y - s), (x - s, y + s), (x + s, y + s)], ink)
            else:
                shape = draw.ellipse if name == "circle" else draw.rectangle
                shape((x - s, y - s, x + s, y + s), ink)
            picture.save(Path(part, name, f"{k:02}.png"))
"""

TRAIN = """\
import torch
from torchvision import datasets, transforms
from net import build

torch.manual_seed(0)
normalize = transforms.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
transform = transforms.Compose([transforms.Resize((40, 48)), transforms.ToTensor(), normalize])
pictures = datasets.ImageFolder("pictures", transform)
net, loader = build(), torch.utils.data.DataLoader(pictures, 16, shuffle=True)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(15):
    for images, labels in loader:
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"last loss {loss.item():.3f}")
net.eval()
torch.save(net.state_dict(), "weights.pt")

# the first door: five lines
from mnistx_runtime import InputSpec
from mnistx_export import Model, export

spec = InputSpec(channels=3, height=40, width=48, mean=0.5, std=0.25, preprocess="resize")
found = export(Model(net, spec, names=("circle", "square", "triangle"), output="logits"), "onnx", "first.onnx")
print(found.golden.lines()[0])

torch.onnx.export(net, (torch.zeros(1, 3, 40, 48),), "foreign.onnx", external_data=False, verbose=False)
"""

SPEC = {
    '"net.py:build"': '"net.py:build"',
    '"weights.safetensors"': '"weights.pt"',
    '["cat", "dog", "owl"]': '["circle", "square", "triangle"]',
    "height = 64": "height = 40",
    "width = 64": "width = 48",
    "[0.485, 0.456, 0.406]": "[0.5, 0.5, 0.5]",
    "[0.229, 0.224, 0.225]": "[0.25, 0.25, 0.25]",
    "# [data]": "[data]",
    "# pictures =": "pictures =",
}


class Page:
    """What was typed and what came, as Markdown, in a folder."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder, self.lines = folder, list[str]()
        self.env = os.environ | {"PATH": path, "COLUMNS": "120", "PYTHONWARNINGS": "ignore"}
        self.within = list[str]()  # what runs the commands, as `unshare`

    def say(self, text: str) -> None:
        self.lines += [text, ""]

    def run(self, command: str, expect: int = 0) -> str:
        done = subprocess.run(
            [*self.within, "bash", "-c", command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = (done.stdout + done.stderr).strip()
        printed = re.sub(r"(?m)^\[torch.onnx\].*\n?", "", printed).replace(f"{self.folder}/", "")
        shown = [f"$ {command}", *printed.splitlines(), *([f"(exit code {done.returncode})"] if expect else [])]
        self.lines += ["```", *shown, "```", ""]
        print("\n".join(shown), flush=True)
        if done.returncode != expect:
            raise SystemExit(f"exit code {done.returncode}, expected {expect}: {command}")
        return printed


def main(out: Path) -> None:
    """Go the whole way and write the page."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        here = Path(sys.executable).parent
        page = Page(folder, f"{here}:{os.environ['PATH']}")
        for name, text in (("net.py", NET), ("draw.py", DRAW), ("train.py", TRAIN)):
            (folder / name).write_text(text)
        page.say("# A network of one's own, by three doors")
        page.say("`python benchmarks/three_doors.py artifacts` made this page, from an empty folder on.")
        page.say("The network, as its author writes it, `net.py`:")
        page.say(f"```python\n{NET}```")
        page.say("The script that trains it and goes through the first door, `train.py`:")
        page.say(f"```python\n{TRAIN}```")
        page.run("python draw.py && python train.py")
        page.say("## The second door: a spec")
        page.run("mnistx spec init mine.toml")
        spec = (folder / "mine.toml").read_text()
        for old, new in SPEC.items():
            spec = spec.replace(old, new)
        (folder / "mine.toml").write_text(spec)
        page.say("Filled in:")
        page.say("```toml\n" + "\n".join(line.split("  #")[0].rstrip() for line in spec.splitlines() if line[:1] != "#")
                 + "\n```")  # fmt: skip
        page.run("mnistx export --spec mine.toml --format onnx")
        page.run("mnistx export --spec mine.toml --format all --out all")
        page.run("mnistx compare mine.onnx --spec mine.toml")
        page.say("## The third door: an ONNX file that another exporter wrote")
        page.run("mnistx seal foreign.onnx --spec mine.toml --out sealed.onnx")
        page.say("## From picture files to accuracy, through the preprocess")
        page.run("mnistx evaluate mine.onnx new")
        page.say("## On a device: only the runtime, no torch")
        subprocess.run([sys.executable, "-m", "venv", folder / "device"], check=True)
        pip: list[str | Path] = [
            folder / "device/bin/pip",
            "install",
            "-q",
            "-c",
            ROOT / "constraints.txt",
            ROOT / "runtime",
        ]
        subprocess.run(pip, check=True)
        page.run("device/bin/pip list --format freeze | grep -iv '^pip\\|^setuptools'")
        page.run("device/bin/mnistx verify first.onnx mine.onnx sealed.onnx")
        page.run("device/bin/mnistx predict new --model mine.onnx")
        page.run("device/bin/mnistx benchmark mine.onnx")
        page.say("## Five mistakes, and what they get")
        mistakes = {
            "A class forgotten": ('classes = ["circle", "square", "triangle"]', 'classes = ["circle", "square"]'),
            "Another size than the network was trained on": ("height = 40", "height = 48"),
            "Logits declared as probabilities": ('output = "logits"', 'output = "probabilities"'),
            "A line left out": ("mean = [0.5, 0.5, 0.5]", ""),
        }
        for what, (old, new) in mistakes.items():
            page.say(f"{what}:")
            if old not in spec:
                raise SystemExit(f"{old} isn't in the spec")
            (folder / "wrong.toml").write_text(spec.replace(old, new))
            page.run("mnistx export --spec wrong.toml --format onnx", expect=2)
        page.say("Weights of another network:")
        page.run(
            "python -c \"import torch; s = torch.load('weights.pt'); s['head.weight'] = s.pop('fc.weight'); "
            "torch.save(s, 'other.pt')\""
        )
        (folder / "wrong.toml").write_text(spec.replace("weights.pt", "other.pt"))
        page.run("mnistx export --spec wrong.toml --format onnx", expect=2)
        page.say("And training mode, from Python:")
        page.run(
            'python -c "from net import build; from mnistx_runtime import InputSpec; from mnistx_export import Model; '
            "Model(build(), InputSpec(channels=3, height=40, width=48, mean=0.5, std=0.25), ('a', 'b', 'c'))\" "
            "2>&1 | tail -1"
        )
        (out / "three_doors.md").write_text("\n".join(page.lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
