"""Finds all the digits in a picture, and the order in which they are read."""

from functools import reduce

import numpy as np
from PIL import Image

from mnistx_runtime.preprocess import Prepared
from mnistx_runtime.preprocess.boxes import Cell, find_cells, without_walls
from mnistx_runtime.preprocess.grouping import digit_height, group_pieces
from mnistx_runtime.preprocess.ink import average_down, ink_of, room_of, turn_upright
from mnistx_runtime.preprocess.lattice import Item, compete, join, prepare_parts
from mnistx_runtime.preprocess.pen import pen_of
from mnistx_runtime.preprocess.rulings import Ruling, Sizes
from mnistx_runtime.preprocess.segmentation import Patch, Segmentation, segment

_FIRST_SIDE = 384  # working pixels of the longer side at which the height of a digit is measured
_FIRST_FACTOR = 8  # pixels of the picture to one of these, at most: digits of a page may be small
_HEIGHT = 64  # working pixels of a digit, where the picture has as many
_LARGEST = 2048  # working pixels of the longer side
_LINE_APART = 0.5  # heights of a digit between two printed lines that aren't one in pieces
_FOOT = 2.2  # heights of a digit that a line is below its middle, at most, where it stands on it
_BOXED = 1.2  # widths of a box: of a digit in it, at most
_EDGE = 0.1  # of a box's width, where its lines may have left crumbs
_BROKEN = 0.4  # heights of a digit that crumbs are high together, at least
_MOST_CUT = 300  # digits: on a fuller page only what is wider than high is cut
_ROOM = 1.5  # a digit's room, in heights of a digit


def prepare_digits(picture: Image.Image) -> list[list[Prepared]]:
    """What `prepare_digit` does, for each digit in a picture.

    Args:
        picture: any mode and size; all ink darker or all lighter than its ground, digits of about one height, in lines.

    Returns:
        The lines from top to bottom, each from left to right.

    Raises:
        PredictionRefused: there's no ink on it, or none as tall as a digit.
    """
    picture = turn_upright(picture)
    found, factor = _look(picture)
    tall = digit_height(found)
    boxed = min(len(found.printed[0]), len(found.printed[1]) // 2) > 0
    groups, marks = group_pieces(found, tall, delimited=not boxed)
    patches = [found.patch(group) for group in groups]
    uncut = 0.0 if len(patches) <= _MOST_CUT else 1.0
    cells = find_cells(found.printed, patches, tall) if boxed else []
    patches += [patch for cell in cells if (patch := _crumbs(found, cell, patches, tall)) is not None]
    held, free = _share_out(patches, cells, tall)
    rivals = {id(whole): tuple(parts) if len(parts) > 1 else () for whole, parts, _ in held}
    boxes = {id(whole): cell for whole, _, cell in held}
    lines = _lines([whole for whole, _, _ in held] + free, boxes, found.printed[0], tall)
    items = [[Item(digit, rivals=rivals.get(id(digit))) for digit in line] for line in lines]
    for piece, mark in marks:
        _put(items, Item(found.patch([piece]), mark))
    for cell in cells:
        if not any(cell.holds(patch, tall) for patch in patches):
            _put(items, Item(cell.as_patch(), "_"))
    return [prepare_parts(picture, found, compete(line, tall, uncut), tall, factor) for line in items]


def _crumbs(found: Segmentation, cell: Cell, patches: list[Patch], tall: float) -> Patch | None:
    """The ink in a box that holds no digit, if it is enough for a broken one."""
    if any(cell.holds(patch, tall) for patch in patches):
        return None
    boxes = found.pieces.boxes
    x, y = (boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 0] + boxes[:, 2]) / 2
    edge = _EDGE * cell.width
    inside = (x > cell.left + edge) & (x < cell.right - edge) & (y > cell.top + edge) & (y < cell.bottom - edge)
    crumbs = np.flatnonzero(inside & (found.weight > 0)).tolist()
    patch = found.patch(crumbs) if crumbs else None
    return patch if patch is not None and patch.mask.shape[0] >= _BROKEN * tall else None


def _share_out(
    patches: list[Patch], cells: list[Cell], tall: float
) -> tuple[list[tuple[Patch, list[Patch], Cell]], list[Patch]]:
    """The ink of each box, with its parts and the box; and what is in none."""
    held: dict[Cell, list[Patch]] = {}
    free = []
    for patch in patches:
        cell = next((cell for cell in cells if cell.holds(patch, tall)), None)
        if cell is None or patch.mask.shape[1] > _BOXED * cell.width:
            free.append(patch)
        else:
            held.setdefault(cell, []).append(patch)
    return [(reduce(join, parts), parts, cell) for cell, parts in held.items()], free


def _put(lines: list[list[Item]], item: Item) -> None:
    """Put something on the line of the digit that is nearest to it, in its place."""
    x, y = _middle(item.patch)
    away = [
        min((x - column) ** 2 + 4 * (y - row) ** 2 for column, row in (_middle(each.patch) for each in line))
        for line in lines
    ]
    line = lines[int(np.argmin(away))]
    line.insert(sum(_middle(each.patch)[0] < x for each in line), item)


def _middle(patch: Patch) -> tuple[float, float]:
    return patch.left + patch.mask.shape[1] / 2, patch.top + patch.mask.shape[0] / 2


def _look(picture: Image.Image) -> tuple[Segmentation, int]:
    """The ink at the size at which digits are looked at, and the picture's pixels to one of it, along a side."""
    small, factor = average_down(picture, max(_FIRST_SIDE, -(-max(picture.size) // _FIRST_FACTOR)))
    pen = pen_of(small)
    first = without_walls(segment(ink_of(small, pen, room_of(small.size)), sizes=Sizes.for_many(small.size)))
    tall = digit_height(first) * factor
    side = min(_LARGEST, round(max(picture.size) * min(1.0, _HEIGHT / tall)) + 1)
    small, factor = average_down(picture, side)
    room = min(tall * _ROOM / factor, *small.size)
    return without_walls(segment(ink_of(small, pen, room), room, Sizes.for_height(tall / factor))), factor


def _lines(digits: list[Patch], boxes: dict[int, Cell], rulings: list[Ruling], tall: float) -> list[list[Patch]]:
    """Digits in reading order. From left to right, each goes on the line whose last digit it overlaps most in height,
    so that a line may climb or sink. What stands above the same printed line is on one line; of a digit in a box, the
    box counts, wherever in it the digit stands.
    """
    lines: list[list[Patch]] = []
    ends = np.empty((len(digits), 3))  # top and bottom of each line's last digit, and the room that it stands in
    for digit in sorted(digits, key=lambda digit: digit.left):
        box = boxes.get(id(digit))
        top, bottom = (box.top, box.bottom) if box else (digit.top, digit.top + digit.mask.shape[0])
        room = 0 if box else _room_between(digit, rulings, tall)
        above, below, rooms = ends[: len(lines)].T
        shared = np.minimum(below, bottom) - np.maximum(above, top)
        overlaps = shared / np.minimum(below - above, bottom - top)
        if room:
            overlaps = np.where(rooms == room, 1.0, np.where(rooms, 0.0, overlaps))
        best = int(np.argmax(overlaps)) if lines else 0
        if not lines or overlaps[best] < 0.4:
            best = len(lines)
            lines.append([])
        lines[best].append(digit)
        ends[best] = top, bottom, room
    return sorted(lines, key=lambda line: float(np.mean([digit.top + digit.mask.shape[0] / 2 for digit in line])))


def _room_between(digit: Patch, rulings: list[Ruling], tall: float) -> int:
    """Which printed line a digit stands above, counted from 1; 0 where there's none near below it."""
    x, y = digit.left + digit.mask.shape[1] / 2, digit.top + digit.mask.shape[0] / 2
    heights = sorted(line.at(x) for line in rulings)
    edges = [height for k, height in enumerate(heights) if not k or height - heights[k - 1] > _LINE_APART * tall]
    below = [k for k, edge in enumerate(edges, 1) if -_LINE_APART * tall / 2 <= edge - y <= _FOOT * tall]
    return below[0] if below else 0
