"""Digits as strokes: points in a square, in hundredths of its side, across and down."""

DIGITS: dict[str, list[str]] = {
    "0": ["50,10 30,20 22,50 30,80 50,90 70,80 78,50 70,20 50,10"],
    "1": ["50,10 50,90"],
    "2": ["25,25 40,10 60,10 72,25 68,45 25,88 78,88"],
    "3": ["25,15 60,10 72,27 50,46 74,60 70,80 50,90 25,82"],
    "4": ["35,10 25,55 78,55", "65,20 62,92"],
    "5": ["75,12 35,12 30,45 55,40 74,58 68,82 45,90 25,82"],
    "6": ["65,10 40,30 28,60 36,86 58,90 72,72 60,54 40,58 30,70"],
    "7": ["22,14 76,14 50,50 40,90"],
    "8": ["68,20 48,10 32,24 42,42 62,58 72,76 50,90 30,76 40,58 62,42 68,20"],
    "9": ["70,25 50,10 30,25 36,45 58,48 70,30 68,60 60,90"],
}


def strokes_of(digit: str) -> list[list[tuple[float, float]]]:
    """Its strokes, as points from 0 to 1.

    >>> strokes_of("1")
    [[(0.5, 0.1), (0.5, 0.9)]]
    """
    points = [[point.partition(",") for point in stroke.split()] for stroke in DIGITS[digit]]
    return [[(int(x) / 100, int(y) / 100) for x, _, y in stroke] for stroke in points]
