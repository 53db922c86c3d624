"""The small chart in a mail: what was measured around the moment, as a PNG.

No words are in it, only digits and units, so that it needs no font for the person's language.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from io import BytesIO
from itertools import pairwise
from statistics import median

from PIL import Image, ImageDraw, ImageFont

from alerts.metrics import KINDS, Metric, Unit

# In CSS pixels; the picture has twice as many, and is drawn with four times, for smooth lines.
WIDTH, HEIGHT = 560, 160
DENSITY, FINENESS = 2, 2
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 25
FONT_SIZE = 11
MOST_POINTS = 20_000

PAPER, GRID, INK, FAINT = "#ffffff", "#e4e7ec", "#2563eb", "#667085"
LIMIT, SHADE = "#d92d20", "#fee4e2"

MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = (MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR,
         6 * HOUR, 12 * HOUR, DAY)  # fmt: skip
MOST_TICKS = 7
RATES = ("B/s", "kB/s", "MB/s", "GB/s", "TB/s")

Sample = tuple[int, float | None]


@dataclass(frozen=True)
class Chart:
    """What to draw; times in Unix seconds. `crossed` is from when to when it was beyond."""

    metric: Metric
    samples: Sequence[Sample]
    start: int
    end: int
    threshold: float
    crossed: tuple[int, int]
    zone: tzinfo = UTC


def png(chart: Chart) -> bytes:
    return Drawing(chart).png()


class Drawing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.scale = DENSITY * FINENESS
        self.top_value = highest(chart)
        self.image = Image.new("RGB", (WIDTH * self.scale, HEIGHT * self.scale), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(FONT_SIZE * self.scale)

    def png(self) -> bytes:
        self.shade()
        self.grid()
        self.ticks()
        self.curve()
        self.limit()
        smooth = self.image.reduce(FINENESS)
        stored = BytesIO()
        smooth.quantize(64, Image.Quantize.FASTOCTREE).save(stored, "PNG")
        return stored.getvalue()

    def x(self, at: float) -> float:
        share = (at - self.chart.start) / max(1, self.chart.end - self.chart.start)
        return (LEFT + min(1, max(0, share)) * (WIDTH - LEFT - RIGHT)) * self.scale

    def y(self, value: float) -> float:
        share = min(1, max(0, value / self.top_value))
        return (HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)) * self.scale

    def shade(self) -> None:
        begin, end = (self.x(at) for at in self.chart.crossed)
        if end > begin:
            self.pen.rectangle((begin, self.y(self.top_value), end, self.y(0)), SHADE)

    def grid(self) -> None:
        for share in (0, 0.5, 1):
            value = share * self.top_value
            y = self.y(value)
            self.line([(self.x(self.chart.start), y), (self.x(self.chart.end), y)], GRID, 1)
            words = label(value, self.top_value, self.chart.metric)
            self.write((LEFT - 6) * self.scale, y, words, "rm")

    def ticks(self) -> None:
        step = step_of(self.chart.end - self.chart.start)
        for at in ticks(self.chart, step):
            words = written(at, self.chart.zone, step)
            self.write(self.x(at), (HEIGHT - BOTTOM + 9) * self.scale, words, "mt")

    def curve(self) -> None:
        for run in runs(self.chart.samples):
            points = [(self.x(at), self.y(value)) for at, value in run]
            if len(points) == 1:
                [(x, y)] = points
                self.pen.ellipse((x - self.scale, y - self.scale, x + self.scale, y + self.scale),
                                 INK)  # fmt: skip
            self.line(points, INK, 1.5)

    def limit(self) -> None:
        """Dashed, so that it is told from a curve without colours."""
        y, x = self.y(self.chart.threshold), self.x(self.chart.start)
        end = self.x(self.chart.end)
        while x < end:
            self.line([(x, y), (min(x + 5 * self.scale, end), y)], LIMIT, 1)
            x += 9 * self.scale

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        self.pen.line(points, colour, round(width * self.scale), joint="curve")

    def write(self, x: float, y: float, words: str, anchor: str) -> None:
        self.pen.text((x, y), words, FAINT, self.font, anchor=anchor)


def highest(chart: Chart) -> float:
    """The top of the axis: the whole for a fraction, else a round number above all."""
    if KINDS[chart.metric].unit == Unit.FRACTION:
        return 1.0
    known = [value for _, value in chart.samples if value is not None]
    most = max([chart.threshold, *known, 1.0]) * 1.1
    digits = 10.0 ** math.floor(math.log10(most))
    return float(math.ceil(most / digits) * digits)


def label(value: float, top: float, metric: Metric) -> str:
    if KINDS[metric].unit == Unit.FRACTION:
        return f"{value * 100:.0f} %"
    step = min(len(RATES) - 1, math.floor(math.log10(max(top, 1.0)) / 3))
    return f"{value / 1000**step:.4g} {RATES[step]}"


def step_of(seconds: int) -> int:
    return next((step for step in STEPS if seconds / step <= MOST_TICKS), DAY)


def ticks(chart: Chart, step: int) -> Iterable[int]:
    """At round times of the person's clock."""
    offset = datetime.fromtimestamp(chart.start, chart.zone).utcoffset() or timedelta()
    shift = round(offset.total_seconds())
    first = -((-(chart.start + shift)) // step) * step - shift
    every = range(first, chart.end + 1, step)
    # Of months there would be too many days.
    return every[:: max(1, math.ceil(len(every) / MOST_TICKS))]


def written(at: int, zone: tzinfo, step: int) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%d.%m" if step >= DAY else "%H:%M")


def runs(samples: Sequence[Sample]) -> list[list[tuple[int, float]]]:
    """What hangs together: a missing value is a gap, and so is a long time without one."""
    every = samples[:: max(1, math.ceil(len(samples) / MOST_POINTS))]
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(every)]
    longest = 3 * median(steps) if steps else 0
    found: list[list[tuple[int, float]]] = [[]]
    for at, value in every:
        if value is None or (found[-1] and at - found[-1][-1][0] > longest):
            found.append([])
        if value is not None:
            found[-1].append((at, value))
    return [run for run in found if run]
