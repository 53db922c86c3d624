"""The chart in a mail, looked at by its pixels."""

import time
from datetime import UTC
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from PIL import Image, ImageColor

from alerts import pictures
from alerts.metrics import MEASURED, Metric
from alerts.pictures import Chart

START = 1_795_176_000


def chart(samples=None, **changes):
    if samples is None:
        samples = [(START + 30 * step, 0.5 if step < 60 else 0.95) for step in range(120)]
    fields = {
        "metric": Metric.CPU, "samples": samples, "start": START, "end": START + 3600,
        "threshold": 0.9, "crossed": (START + 1800, START + 3600), **changes,
    }  # fmt: skip
    return Chart(**fields)


def drawn(made):
    return Image.open(BytesIO(pictures.png(made))).convert("RGB")


def at(picture, made, seconds, value):
    """The pixel where that value would be."""
    drawing = pictures.Drawing(made)
    x, y = drawing.x(made.start + seconds), drawing.y(value)
    return picture.getpixel((round(x / pictures.FINENESS), round(y / pictures.FINENESS)))


def is_like(pixel, colour):
    wanted = ImageColor.getrgb(colour)
    return all(abs(got - want) < 60 for got, want in zip(pixel, wanted, strict=True))


def test_it_is_small_and_twice_as_fine_as_it_is_shown():
    stored = pictures.png(chart())
    assert Image.open(BytesIO(stored)).size == (1120, 320)
    assert len(stored) < 30_000


def test_curve_threshold_and_what_is_shaded():
    made = chart()
    picture = drawn(made)
    assert is_like(at(picture, made, 900, 0.5), pictures.INK)
    assert is_like(at(picture, made, 2700, 0.95), pictures.INK)
    assert is_like(at(picture, made, 2700, 0.25), pictures.SHADE)
    assert is_like(at(picture, made, 900, 0.25), pictures.PAPER)
    row = [at(picture, made, seconds, 0.9) for seconds in range(0, 1700, 3)]
    assert any(is_like(pixel, pictures.LIMIT) for pixel in row)


def test_a_gap_is_a_gap():
    """Of a value that is missing, and of a time from which there is nothing at all."""
    missing = [(START + 30 * step, None if 40 <= step < 80 else 0.5) for step in range(120)]
    for samples in (missing, [(at, value) for at, value in missing if value is not None]):
        made = chart(samples, crossed=(0, 0))
        picture = drawn(made)
        assert is_like(at(picture, made, 900, 0.5), pictures.INK)
        assert not is_like(at(picture, made, 1500, 0.5), pictures.INK)
        assert is_like(at(picture, made, 1800, 0.3), pictures.PAPER)


def test_runs():
    samples = [(0, 1.0), (30, 1.0), (60, None), (90, 1.0), (1000, 1.0), (1030, 1.0)]
    assert [len(run) for run in pictures.runs(samples)] == [2, 1, 2]
    assert pictures.runs([]) == []
    assert pictures.runs([(0, None)]) == []


@pytest.mark.parametrize("metric", sorted(MEASURED))
@pytest.mark.parametrize("peak", [0.0, 1.0, 5e3, 7.7e6, 1e12])
def test_any_metric_and_size(metric, peak):
    samples = [(START + step, peak * step / 60) for step in range(60)]
    assert pictures.png(chart(samples, metric=Metric(metric), threshold=peak or 1.0))


@pytest.mark.parametrize(
    "changes",
    [
        {"samples": []},
        {"samples": [(START, 0.5)]},
        {"end": START},
        {"crossed": (START - 999, START - 900)},
        {"threshold": 0.0},
        {"samples": [(START, -5.0), (START + 30, 99.0)]},
    ],
)
def test_odd_ones_are_drawn_all_the_same(changes):
    assert pictures.png(chart(**changes))


def test_ticks_are_round_times_of_the_persons_clock():
    made = chart(zone=ZoneInfo("Asia/Kolkata"))
    step = pictures.step_of(made.end - made.start)
    times = [pictures.written(at, made.zone, step) for at in pictures.ticks(made, step)]
    assert times == ["17:30", "17:40", "17:50", "18:00", "18:10", "18:20", "18:30"]


@pytest.mark.parametrize("days", [1, 3, 7, 31, 366])
def test_there_are_never_too_many_ticks(days):
    made = chart(end=START + days * 86400)
    step = pictures.step_of(days * 86400)
    assert 1 <= len(list(pictures.ticks(made, step))) <= pictures.MOST_TICKS


@pytest.mark.parametrize(
    ("metric", "peak", "top", "words"),
    [
        (Metric.CPU, 0.2, 1.0, "100 %"),
        (Metric.NETWORK_IN, 5e6, 6e6, "6 MB/s"),
        (Metric.NETWORK_OUT, 450e3, 500e3, "500 kB/s"),
        (Metric.DISK_WRITE, 900.0, 1000.0, "1 kB/s"),
        (Metric.DISK_READ, 950e6, 2e9, "2 GB/s"),
    ],
)
def test_the_axis(metric, peak, top, words):
    made = chart([(START, peak)], metric=metric, threshold=min(peak, 1.0))
    assert pictures.highest(made) == top
    assert pictures.label(top, top, metric) == words


def test_a_week_is_drawn_in_time():
    samples = [(START + 30 * step, step % 97 / 100) for step in range(20_160)]
    made = chart(samples, end=START + 7 * 86400, zone=UTC)
    began = time.perf_counter()
    pictures.png(made)
    assert time.perf_counter() - began < 5
