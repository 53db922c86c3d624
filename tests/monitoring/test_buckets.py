import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.buckets import bucketed
from monitoring.packing import Samples

START = 1_200


def samples(points):
    """`points`: (seconds after START, value or None)."""
    times = np.array([START + at for at, _value in points], dtype=np.int64)
    values = np.array([[value for _at, value in points]], dtype=np.float32)
    return Samples(times, values.reshape(1, len(points)))


def test_average_least_and_most_of_each():
    found = bucketed(samples([(0, 0.25), (59, 0.75), (60, 0.5), (300, 1)]), start=START, step=60)
    assert found.places.tolist() == [0, 1, 5]
    assert found.counts.tolist() == [2, 1, 1]
    assert found.average[0].tolist() == [0.5, 0.5, 1]
    assert found.least[0].tolist() == [0.25, 0.5, 1]
    assert found.most[0].tolist() == [0.75, 0.5, 1]


def test_what_was_not_measured_is_left_out_of_them_and_counted():
    found = bucketed(samples([(0, None), (1, 0.5), (60, None)]), start=START, step=60)
    assert found.counts.tolist() == [2, 1]
    for figures in (found.average, found.least, found.most):
        assert figures[0, 0] == 0.5
        assert math.isnan(figures[0, 1])


def test_nothing():
    found = bucketed(samples([]), start=START, step=60)
    assert found.places.tolist() == found.counts.tolist() == []
    assert found.average.shape == found.least.shape == found.most.shape == (1, 0)


value = st.one_of(st.none(), st.floats(0, 1, width=32))


@given(
    st.dictionaries(st.integers(0, 5000), value, max_size=100),
    st.integers(1, 700),
)
def test_they_are_those_of_a_slow_way(measured, step):
    points = sorted(measured.items())
    slow = {}
    for at, number in points:
        slow.setdefault(at // step, []).append(number)
    found = bucketed(samples(points), start=START, step=step)
    assert dict(zip(found.places.tolist(), found.counts.tolist(), strict=True)) == {
        place: len(numbers) for place, numbers in slow.items()
    }
    for index, numbers in enumerate(slow.values()):
        known = [number for number in numbers if number is not None]
        if not known:
            assert math.isnan(found.average[0, index])
            continue
        assert found.average[0, index] == pytest.approx(sum(known) / len(known))
        assert found.least[0, index] == min(known)
        assert found.most[0, index] == max(known)
