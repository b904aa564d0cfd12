"""The devices: one table of what compiles for each, and what runs it."""

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent

_BARE = ("-mthumb", "--specs=rdimon.specs", "-DCORTEX_M", "-T", str(HERE / "cortex_m.ld"), str(HERE / "start.c"))
_SEMIHOSTING = ("-nographic", "-semihosting-config", "enable=on,target=native", "-kernel")
_MEMORY = ("-global", "nrf51-soc.flash-size=0x400000", "-global", "nrf51-soc.sram-size=0x400000")


@dataclass(frozen=True)
class Device:
    """A device.

    Args:
        packages: Debian's, that bring its compiler and what runs it.
        compiler: the command and its flags.
        run: the command that a program's path is added to.
        target: what the code is written for, see `codegen.kernels.KERNELS`.
        clock: of a Cortex-M, of its SysTick, in Hz; None of others, whose instructions aren't counted.
        float_images: how many images of float32 a test may run: it takes qemu up to a second each.
        module: a package of Python's that the compiler is in.
    """

    packages: tuple[str, ...]
    compiler: tuple[str, ...]
    run: tuple[str, ...] = ()
    target: str = "portable"
    clock: int | None = None
    float_images: int = 200
    module: str = ""

    def missing(self) -> str | None:
        """The line that installs what is missing here; None where nothing is."""
        if self.module and not find_spec(self.module):
            return f"pip install {self.module}"
        found = all(shutil.which(command) for command in (self.compiler[0], *self.run[:1]))
        return None if found else f"apt-get install {' '.join(self.packages)}"


def _cortex_m(machine: tuple[str, ...], flags: str, float_images: int, clock: int = 25_000_000) -> Device:
    return Device(
        packages=("gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm"),
        compiler=("arm-none-eabi-gcc", *flags.split(), *_BARE),
        run=("qemu-system-arm", *machine, *_SEMIHOSTING),
        target="size",
        clock=clock,
        float_images=float_images,
    )


def _linux(triple: str, processor: str, libc: str, target: str = "speed", float_images: int = 200) -> Device:
    return Device(
        packages=(f"gcc-{triple}", f"libc6-dev-{libc}-cross", "qemu-user"),
        compiler=(f"{triple}-gcc", "-static"),
        run=(f"qemu-{processor}",),
        target=target,
        float_images=float_images,
    )


DEVICES = {
    "Cortex-M0": _cortex_m(("-M", "microbit", *_MEMORY), "-mcpu=cortex-m0", 3, clock=16_000_000),
    "Cortex-M3": _cortex_m(("-M", "mps2-an385"), "-mcpu=cortex-m3", 3),
    "Cortex-M4": _cortex_m(("-M", "mps2-an386"), "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16", 20),
    "Cortex-M7": _cortex_m(("-M", "mps2-an500"), "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-sp-d16", 20),
    "aarch64": _linux("aarch64-linux-gnu", "aarch64", "arm64"),
    "armv7": _linux("arm-linux-gnueabihf", "arm", "armhf"),
    "riscv64": _linux("riscv64-linux-gnu", "riscv64", "riscv64"),
    "s390x": _linux("s390x-linux-gnu", "s390x", "s390x", target="portable", float_images=50),
    "musl": Device(("musl-tools",), ("musl-gcc", "-static")),
    "clang": Device((), (sys.executable, "-m", "ziglang", "cc"), target="speed", module="ziglang"),
    "this machine": Device(("gcc", "libc6-dev"), ("gcc",), target="speed"),
}
"""By the name that people know. s390x is big-endian; musl is the C library of Alpine, on this machine's processor;
clang is zig's, on this machine."""


GUIDES = ("cargo", "cmake", "librust-cc-dev")
"""Debian's packages that build what the guides for C and Rust show."""


def packages() -> list[str]:
    """What all of them, and the guides, need of Debian's packages."""
    return sorted({package for device in DEVICES.values() for package in device.packages} | {*GUIDES})


if __name__ == "__main__":
    print(*packages())
