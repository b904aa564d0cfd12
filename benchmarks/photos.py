"""Photographs of handwritten digits, made as a photographer would meet them: MNIST's ink on paper, disturbed.

Each disturbance has a strength from 0 (none) to 1 (as bad as a person would still read without effort).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """What lies before the camera, and the camera.

    Args:
        side: pixels of the picture's shorter side.
        digit_share: height of the digit's 28x28 frame as a share of the shorter side.
        offset: how far the frame's middle is from the picture's, as a share of the room there is, x and y.
        paper: RGB of the ground, 0..1.
        pen: RGB of the ink, 0..1.
        opacity: of the ink, 0..1.
        widen: pixels of MNIST's 28 by which strokes grow (or shrink, below 0).
        ruling: "none", "lined" or "squared".
        ruling_contrast: of the lines, 0..1.
        light: darkening from one side to the other, 0..1.
        shadow: darkening behind a hard diagonal edge, 0..1.
        vignette: darkening of the corners, 0..1.
        texture: standard deviation of the paper's slow unevenness, 0..1.
        noise: standard deviation of the sensor's noise, 0..1.
        blur: standard deviation in shares of the shorter side.
        jpeg: quality 1..100.
        rotation: degrees.
        perspective: displacement of the corners in shares of the shorter side.
        frame: darkness of a border line along the picture's edge, 0..1.
        specks: how many dots of dirt.
    """

    side: int = 300
    digit_share: float = 0.8
    offset: tuple[float, float] = (0.0, 0.0)
    paper: tuple[float, float, float] = (0.93, 0.92, 0.88)
    pen: tuple[float, float, float] = (0.12, 0.13, 0.2)
    opacity: float = 0.95
    widen: float = 0.0
    ruling: str = "none"
    ruling_contrast: float = 0.25
    light: float = 0.0
    shadow: float = 0.0
    vignette: float = 0.0
    texture: float = 0.0
    noise: float = 0.005
    blur: float = 0.002
    jpeg: int = 92
    rotation: float = 0.0
    perspective: float = 0.0
    frame: float = 0.0
    specks: int = 0


def photograph(digit: NDArray[np.uint8], scene: Scene, seed: int) -> bytes:
    """A JPEG of a digit, or of a row of them, bright on black, as dark ink in the scene.

    Args:
        digit: uint8 `(height, width)`, `(28, 28)` for one; a row's picture is as much wider.
        scene: see `Scene`.
        seed: of noise, texture, the shadow's place and the perspective.
    """
    random = np.random.default_rng(seed)
    height = round(scene.side * random.uniform(1, 1.35))
    width = round(scene.side * max(1, digit.shape[1] / digit.shape[0]))
    ink = _ink(digit, scene, height, width, random)[:, :, None] * scene.opacity
    ground = np.broadcast_to(np.array(scene.paper, np.float32), (height, width, 3))
    lines = _lines(scene, height, width, random)[:, :, None] * scene.ruling_contrast
    ground = ground * (1 - lines) + np.array([0.35, 0.5, 0.75], np.float32) * lines
    picture = ground * (1 - ink) + np.array(scene.pen, np.float32) * ink
    picture = _dirt(picture, scene, random)
    picture = picture * _light(scene, height, width, random)[:, :, None]
    photo = Image.fromarray(np.clip(picture * 255, 0, 255).astype(np.uint8))
    photo = _turned(photo, scene, random).filter(ImageFilter.GaussianBlur(scene.blur * scene.side))
    noisy = np.asarray(photo, np.float32) + random.normal(0, scene.noise * 255, (height, width, 1))
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=scene.jpeg)
    return file.getvalue()


def _ink(digit: NDArray[np.uint8], scene: Scene, height: int, width: int, random: np.random.Generator) -> Floats:
    """How much ink covers each pixel, 0..1."""
    size = max(28, round(scene.side * scene.digit_share))
    wide = round(size * digit.shape[1] / digit.shape[0])
    large = Image.fromarray(digit).resize((wide, size), Image.Resampling.BICUBIC)
    spread = np.asarray(large.filter(ImageFilter.GaussianBlur(size / 28 * 0.45)), np.float32) / 255
    slope = 28 / size  # of the blurred edge, per pixel
    level = 0.5 - scene.widen * 0.5
    sharp = np.clip((spread - level) / max(slope * 0.5, 1e-3) * 0.5 + 0.5, 0, 1)
    room_x, room_y = width - wide, height - size
    x = round(room_x / 2 * (1 + scene.offset[0] * random.choice([-1, 1])))
    y = round(room_y / 2 * (1 + scene.offset[1] * random.choice([-1, 1])))
    ink = np.zeros((height, width), np.float32)
    ink[y : y + size, x : x + wide] = sharp
    return ink


def _lines(scene: Scene, height: int, width: int, random: np.random.Generator) -> Floats:
    """Ruled lines, 0..1."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    step = scene.side / random.uniform(5, 12)
    thick = max(1.0, scene.side / 250)
    rows = (y + random.uniform(0, step)) % step < thick
    columns = (x + random.uniform(0, step)) % step < thick
    none = np.zeros((height, width), bool)
    lines: Floats = {"none": none, "lined": rows, "squared": rows | columns}[scene.ruling].astype(np.float32)
    return lines


def _dirt(picture: Floats, scene: Scene, random: np.random.Generator) -> Floats:
    picture = picture.copy()
    height, width, _ = picture.shape
    for _ in range(scene.specks):
        y, x, r = random.integers(0, height), random.integers(0, width), max(1, round(scene.side / 150))
        picture[max(0, y - r) : y + r, max(0, x - r) : x + r] *= random.uniform(0.2, 0.6)
    edge = max(2, scene.side // 60)
    for side in (np.s_[:edge], np.s_[-edge:], np.s_[:, :edge], np.s_[:, -edge:]):
        if scene.frame:
            picture[side] *= 1 - scene.frame
    return picture


def _light(scene: Scene, height: int, width: int, random: np.random.Generator) -> Floats:
    """What share of the light falls on each pixel, 0..1."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    light = 1 - scene.light * (along + 1.4) / 2.8
    light *= 1 - scene.shadow * np.clip((along - random.uniform(-0.5, 0.5)) * scene.side / 12, 0, 1)
    light *= 1 - scene.vignette * np.clip((x * x + y * y) / 2, 0, 1)
    slow = Image.fromarray(random.normal(0, 1, (6, 6)).astype(np.float32)).resize((width, height), 3)
    fine = Image.fromarray(random.normal(0, 1, (height // 3, width // 3)).astype(np.float32)).resize((width, height))
    unevenness = 0.7 * np.asarray(slow) + 0.5 * np.asarray(fine)
    uneven: Floats = np.clip(light * (1 + scene.texture * unevenness), 0, 1.1).astype(np.float32)
    return uneven


def _turned(photo: Image.Image, scene: Scene, random: np.random.Generator) -> Image.Image:
    """Rotated and seen at an angle; what comes in from outside continues the picture's edge."""
    if not (scene.rotation or scene.perspective):
        return photo
    width, height = photo.size
    pad = round(max(photo.size) * 0.35)
    padded = Image.fromarray(np.pad(np.asarray(photo), ((pad, pad), (pad, pad), (0, 0)), mode="reflect"))
    turned = padded.rotate(scene.rotation * random.choice([-1, 1]), Image.Resampling.BICUBIC)
    shift = random.uniform(-1, 1, (4, 2)) * scene.perspective * scene.side
    corners = np.array([(pad, pad), (pad, pad + height), (pad + width, pad + height), (pad + width, pad)], np.float64)
    quad = [float(value) for value in (corners + shift).ravel()]
    return turned.transform((width, height), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


@dataclass(frozen=True)
class Disturbance:
    """One way in which photos differ, at rising strength.

    Args:
        name: as the table shows it.
        scene: from strength 0..1 to the scene.
    """

    name: str
    scene: Callable[[float], Scene] = field(repr=False)


def _all(s: float) -> Scene:
    return Scene(
        side=220, light=0.5 * s, shadow=0.3 * s, texture=0.03 * s, noise=0.02 * s, blur=0.004 * s, rotation=8 * s,
        ruling="squared", ruling_contrast=0.3 * s, jpeg=round(92 - 50 * s), digit_share=0.8 - 0.2 * s,
        specks=round(6 * s), offset=(0.5 * s, 0.5 * s), pen=(0.15, 0.2, 0.5), opacity=0.95 - 0.15 * s,
    )  # fmt: skip


DISTURBANCES = [
    Disturbance("clean", lambda s: Scene()),
    Disturbance("smaller picture", lambda s: Scene(side=round(300 - 267 * s))),
    Disturbance("larger picture", lambda s: Scene(side=round(300 + 900 * s))),
    Disturbance("smaller digit", lambda s: Scene(digit_share=0.85 - 0.55 * s, offset=(0.6, 0.6))),
    Disturbance("faint ink", lambda s: Scene(opacity=0.95 - 0.75 * s)),
    Disturbance("thinner pen", lambda s: Scene(widen=-0.6 * s)),
    Disturbance("thicker pen", lambda s: Scene(widen=0.75 * s)),
    Disturbance("blue to yellow pen", lambda s: Scene(pen=(0.1 + 0.75 * s, 0.2 + 0.5 * s, 0.8 - 0.7 * s))),
    Disturbance("light on dark", lambda s: Scene(paper=(0.25 * s + 0.05,) * 3, pen=(0.95 - 0.3 * s,) * 3)),
    Disturbance("lined paper", lambda s: Scene(ruling="lined", ruling_contrast=0.75 * s)),
    Disturbance("squared paper", lambda s: Scene(ruling="squared", ruling_contrast=0.75 * s)),
    Disturbance("squared, rotated", lambda s: Scene(ruling="squared", ruling_contrast=0.5 * s, rotation=7)),
    Disturbance("light from a side", lambda s: Scene(light=0.85 * s)),
    Disturbance("hard shadow", lambda s: Scene(shadow=0.6 * s)),
    Disturbance("vignette", lambda s: Scene(vignette=0.8 * s)),
    Disturbance("paper texture", lambda s: Scene(texture=0.1 * s)),
    Disturbance("noise", lambda s: Scene(noise=0.1 * s)),
    Disturbance("blur", lambda s: Scene(blur=0.025 * s)),
    Disturbance("JPEG", lambda s: Scene(jpeg=round(92 - 87 * s))),
    Disturbance("rotation", lambda s: Scene(rotation=10 * s)),
    Disturbance("perspective", lambda s: Scene(perspective=0.12 * s)),
    Disturbance("frame at the border", lambda s: Scene(frame=0.8 * s)),
    Disturbance("specks", lambda s: Scene(specks=round(25 * s))),
    Disturbance("many at once", _all),
]
