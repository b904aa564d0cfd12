"""Publishes the way of a signed model from a key to a refusal on a device: every command and its output.

`python benchmarks/signing.py artifacts` makes keys and certificates with openssl, signs the released model with them,
takes it to environments that hold only the runtime, with and without its extra `sign`, measures what the extra costs,
verifies and predicts there where no network can be reached, tries what an attacker would, and writes signing.md. All
but that page happens in an empty temporary folder.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from three_doors import Page

ROOT = Path(__file__).parent.parent
OFFLINE = ["unshare", "--user", "--map-current-user", "--net"]
"""What runs a command in a network namespace of its own, without any network."""

ROUNDS = 11

CA = """\
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 3650 \\
  -subj "/O=Example/CN=Example models" -addext "keyUsage=critical,keyCertSign"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout release.key -out release.csr \\
  -subj "/O=Example/CN=Releases" -addext "keyUsage=critical,digitalSignature"
openssl x509 -req -in release.csr -CA root.pem -CAkey root.key -CAcreateserial -days 90 -copy_extensions copy \\
  -out release.pem\
"""

PIP = "pip", "install", "-q", "-c", str(ROOT / "constraints.txt")


def environment(folder: Path, *what: str) -> Path:
    """A fresh environment with something installed."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([str(folder / "bin" / PIP[0]), *PIP[1:], *what], check=True)
    return folder


def mebibytes(folder: Path) -> float:
    """What the packages of an environment take on the disk, compiled, without pip's own."""
    packages = next(folder.glob("lib/python*/site-packages"))
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    files = (file for file in packages.rglob("*") if file.relative_to(packages).parts[0].split("-")[0] not in tools)
    return sum(file.stat().st_blocks * 512 for file in files if file.is_file()) / (1 << 20)


def seconds(programs: dict[str, tuple[Path, str]], folder: Path) -> dict[str, str]:
    """The median time that each program takes in a process of its own, all in turn.

    Args:
        programs: by name, the environment and the code.
        folder: in which they run.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, (device, code) in programs.items():
            timed = f"import time; began = time.perf_counter(); {code}; print(time.perf_counter() - began)"
            command = [str(device / "bin" / "python"), "-c", timed]
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
            times[name].append(float(done.stdout))
    return {name: f"{statistics.median(found):.2f} s" for name, found in times.items()}


def expired(folder: Path) -> None:
    """Sign with a certificate whose last day has passed since: `mnistx sign` refuses it, so the library is asked."""
    from model_signing import signing

    dates = ["-not_before", "20260101000000Z", "-not_after", "20260201000000Z"]
    request = ["openssl", "x509", "-req", "-in", "release.csr", "-CA", "root.pem", "-CAkey", "root.key"]
    done = subprocess.run(
        [*request, "-copy_extensions", "copy", *dates, "-out", "old.pem"], cwd=folder, capture_output=True
    )
    if done.returncode:  # openssl before 3.4 has no -not_before; its `ca` has
        (folder / "ca").mkdir()
        (folder / "ca" / "index").touch()
        (folder / "ca" / "config").write_text(
            "[ca]\ndefault_ca = a\n[a]\ndatabase = ca/index\nnew_certs_dir = ca\nrand_serial = yes\n"
            "default_md = sha256\npolicy = p\ncopy_extensions = copy\n"
            "[p]\norganizationName = optional\ncommonName = supplied\n"
        )
        ca = "openssl ca -batch -config ca/config -cert root.pem -keyfile root.key -in release.csr -out old.pem"
        dates = ["-startdate", "20260101000000Z", "-enddate", "20260201000000Z", "-notext"]
        subprocess.run([*ca.split(), *dates], cwd=folder, capture_output=True, check=True)
    use = signing.Config().use_certificate_signer
    chain = [folder / "old.pem"]
    old = use(private_key=folder / "release.key", signing_certificate=chain[0], certificate_chain=chain)
    old.sign(folder / "device" / "model.onnx", folder / "device" / "model.onnx.sig")


def main(out: Path) -> None:
    """Go the whole way and write the page."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        page = Page(folder, f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        shutil.copy(ROOT / "artifacts" / "mnist-cnn.onnx", folder / "model.onnx")
        shutil.copy(ROOT / "artifacts" / "pictures" / "seven.jpg", folder / "seven.jpg")
        page.say("# From a key to a refusal on a device")
        page.say("`python benchmarks/signing.py artifacts` made this page, from an empty folder on.")
        page.say("## Where models are made")
        page.run("openssl ecparam -name prime256v1 -genkey -noout -out key.pem")
        page.run("openssl pkey -in key.pem -pubout -out public.pem")
        page.run("mnistx sign model.onnx --key key.pem")
        page.run("sha256sum public.pem")
        page.say("The library's own tool checks it, too:")
        page.run("model_signing verify key model.onnx --signature model.onnx.sig --public_key public.pem")
        sign(page, folder, folder / "bare", folder / "runtime")
        (out / "signing.md").write_text("\n".join(page.lines))


def sign(page: Page, folder: Path, bare: Path, device: Path) -> None:
    """What happens on the device, and to what lies there."""
    runtime = str(ROOT / "runtime")
    environment(bare, runtime)
    environment(device, f"{runtime}[sign]")
    here = folder / "device"
    here.mkdir()
    for name in ("model.onnx", "model.onnx.sig", "public.pem", "seven.jpg"):
        shutil.copy(folder / name, here / name)
    page.say("## What it takes on the device")
    page.say("The runtime alone, and with its extra `sign`; the variable is what makes `predict` check.")
    page.say("\n".join(cost_table(bare, device, here)))
    page.say("## On the device: only the runtime and its extra, without a network")
    page.env |= {"PATH": f"{device / 'bin'}:/usr/bin:/bin"}
    page.env.pop("PYTHONPATH", None)
    page.folder = here
    if subprocess.run([*OFFLINE, "true"], capture_output=True, check=False).returncode == 0:
        page.say(f"Each command in a network namespace of its own (`{' '.join(OFFLINE)}`).")
        page.within = OFFLINE
    else:
        page.say("This machine makes no network namespace: whether a network was asked for was not seen.")
    page.run("mnistx verify model.onnx --trust public.pem")
    page.run("MNISTX_TRUST=public.pem mnistx predict seven.jpg --model model.onnx")
    page.say("The bundled model is part of the program, which knows its digest:")
    page.run("MNISTX_TRUST=public.pem mnistx predict seven.jpg")
    attack(page, folder, here)
    certificates(page, folder, here)
    page.say("## Without the extra")
    page.env["PATH"] = f"{bare / 'bin'}:/usr/bin:/bin"
    page.run("MNISTX_TRUST=public.pem mnistx predict seven.jpg --model model.onnx", expect=2)
    page.run("mnistx verify model.onnx", expect=0)


def attack(page: Page, folder: Path, here: Path) -> None:
    """Everything that must be refused where a key is trusted."""
    whole = (here / "model.onnx").read_bytes()
    beside = here / "model.onnx.sig"
    signature = beside.read_bytes()
    predict = "MNISTX_TRUST=public.pem mnistx predict seven.jpg --model model.onnx"
    page.say("## What is refused")
    page.say("A byte changed, in the class names, which no run of the model shows:")
    (here / "model.onnx").write_bytes(whole.replace(b'["0", "1", "2"', b'["0", "7", "2"', 1))
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    page.run(predict, expect=1)
    page.say("Names 1 and 7 swapped, and the digests in the file put right, which `verify` alone can't see:")
    (here / "model.onnx").write_bytes(swap_names(folder / "model.onnx"))
    page.run("mnistx verify model.onnx", expect=0)
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    page.run(predict, expect=1)
    (here / "model.onnx").write_bytes(whole)
    page.say("Another model's signature, by the same key:")
    shutil.copy(ROOT / "artifacts" / "mnist-cnn.torchscript", folder / "other.torchscript")
    subprocess.run(["mnistx", "sign", "other.torchscript", "--key", "key.pem"], cwd=folder, check=True, env=os.environ)
    shutil.copy(folder / "other.torchscript.sig", beside)
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    page.say("A key that isn't trusted:")
    subprocess.run(
        "openssl ecparam -name prime256v1 -genkey -noout -out stranger.pem", cwd=folder, shell=True, check=True
    )
    subprocess.run(["mnistx", "sign", "model.onnx", "--key", "stranger.pem"], cwd=folder, check=True, env=os.environ)
    shutil.copy(folder / "model.onnx.sig", beside)
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    page.run("mnistx verify model.onnx")
    page.say("A damaged signature, and none:")
    beside.write_bytes(signature[:-200])
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    beside.unlink()
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    page.run(predict, expect=1)
    code = "from mnistx_runtime import Predictor; Predictor('model.onnx')"
    page.run(f'MNISTX_TRUST=public.pem python -c "{code}" 2>&1 | tail -1')
    page.run("MNISTX_TRUST=public.pem mnistx benchmark model.onnx", expect=1)
    page.say("What is named as a key and is none:")
    page.run("mnistx verify model.onnx --trust seven.jpg", expect=2)
    page.run("MNISTX_TRUST= mnistx predict seven.jpg --model model.onnx", expect=2)


def certificates(page: Page, folder: Path, here: Path) -> None:
    """The same with certificates, which end."""
    page.say("## Certificates, which expire")
    page.say("Where models are made:")
    page.say(f"```\n{CA}\nmnistx sign model.onnx --key release.key --certificate release.pem\n```")
    subprocess.run(["bash", "-e", "-c", CA], cwd=folder, check=True, capture_output=True)
    command = ["mnistx", "sign", "model.onnx", "--key", "release.key", "--certificate", "release.pem"]
    subprocess.run(command, cwd=folder, check=True, env=os.environ)
    for name in ("model.onnx", "model.onnx.sig", "root.pem"):
        shutil.copy(folder / name, here / name)
    page.say("On the device:")
    page.run("mnistx verify model.onnx --trust root.pem")
    page.run("mnistx verify model.onnx --trust public.pem", expect=1)
    page.say("Signed with a certificate of the same key that ended since:")
    expired(folder)
    page.run("mnistx verify model.onnx --trust root.pem", expect=1)


def swap_names(path: Path) -> bytes:
    """The model with two class names swapped, sealed anew, as anybody who can write the file can."""
    from dataclasses import replace

    from mnistx_runtime.artifact.container import open_artifact, seal

    opened = open_artifact(path)
    names = list(opened.metadata.names)
    names[1], names[7] = names[7], names[1]
    return seal(".onnx", opened.files, replace(opened.metadata, names=tuple(names)), opened.certificate)[".onnx"]


def cost_table(bare: Path, device: Path, folder: Path) -> list[str]:
    """What the extra takes, in space and time."""
    answer = "from mnistx_runtime import Predictor; Predictor({}).predict('seven.jpg')"
    trusted = "import os; os.environ['MNISTX_TRUST'] = 'public.pem'; " + answer.format("'model.onnx'")
    counts = [
        len(subprocess.run([each / "bin/pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True)
            .stdout.splitlines()) - 2
        for each in (bare, device)
    ]  # fmt: skip
    programs = {
        "import": (device, "import model_signing"),
        "bare": (bare, answer.format("'model.onnx'")),
        "unasked": (device, answer.format("'model.onnx'")),
        "trusted": (device, trusted),
    }
    took = seconds(programs, folder)
    rows = [
        ("packages", f"{counts[0]}", f"{counts[1]}"),
        ("installed", f"{mebibytes(bare):.0f} MiB", f"{mebibytes(device):.0f} MiB"),
        ("`import model_signing`", "", took["import"]),
        ("from import to the first answer", took["bare"], took["unasked"]),
        ("the same with `MNISTX_TRUST`", "", took["trusted"]),
    ]
    head = ["| | runtime | with `sign` |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return [*head, "", f"(medians of {ROUNDS} rounds, in turn)"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
