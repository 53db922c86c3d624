"""An hour of samples as bytes, and back."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import packing
from monitoring.packing import COLUMNS, HOUR, BadPack, NewerPack, Samples

BEGIN = 1_795_176_000
WIDTH = len(COLUMNS)


def samples(seconds, rows):
    times = np.array([BEGIN + second for second in seconds], dtype=np.int64)
    values = np.array(rows, dtype=np.float32).reshape(len(seconds), WIDTH).T
    return Samples(times, np.ascontiguousarray(values))


def same(one, other):
    return np.array_equal(one.times, other.times) and np.array_equal(
        one.values.view(np.uint32), other.values.view(np.uint32)
    )


value = st.one_of(st.just(np.nan), st.floats(width=32, allow_nan=False))
hours = st.lists(st.integers(0, HOUR - 1), unique=True, min_size=1, max_size=150).flatmap(
    lambda seconds: st.lists(
        st.lists(value, min_size=WIDTH, max_size=WIDTH),
        min_size=len(seconds),
        max_size=len(seconds),
    ).map(lambda rows: samples(sorted(seconds), rows))
)


class TestRoundTrip:
    @given(hours)
    def test_to_the_last_bit(self, made):
        assert same(packing.unpack(packing.pack(made, BEGIN), BEGIN), made)

    def test_a_sample_each_second(self):
        made = samples(range(HOUR), np.random.default_rng(1).random((HOUR, WIDTH)))
        assert same(packing.unpack(packing.pack(made, BEGIN), BEGIN), made)

    def test_what_was_not_measured_is_nan(self):
        made = samples([5], [[0.5, *[np.nan] * 6]])
        read = packing.unpack(packing.pack(made, BEGIN), BEGIN)
        assert read.values[0, 0] == 0.5
        assert np.isnan(read.values[1:]).all()

    def test_it_is_small(self):
        """Values that stand still cost next to nothing."""
        made = samples(range(0, HOUR, 30), [[0.25, 4e9, 2e10, 0, 0, 0, 0]] * 120)
        assert len(packing.pack(made, BEGIN)) < 120

    @pytest.mark.parametrize("seconds", [[], [-1, 5], [5, 4], [5, 5], [0, HOUR], [HOUR]])
    def test_what_is_no_hour_in_order_is_not_packed(self, seconds):
        with pytest.raises(ValueError, match="A pack"):
            packing.pack(samples(seconds, [[0.0] * WIDTH] * len(seconds)), BEGIN)


class TestDamage:
    good = packing.pack(samples([0, 30], [[0.5] * WIDTH] * 2), BEGIN)

    @given(st.binary(max_size=300))
    def test_garbage_is_told(self, data):
        with pytest.raises(BadPack):
            packing.unpack(data, BEGIN)

    @given(st.binary(max_size=300))
    def test_garbage_of_our_version_is_told(self, data):
        with pytest.raises(BadPack):
            packing.unpack(b"\x01" + data, BEGIN)

    @given(st.binary(max_size=300))
    def test_garbage_that_was_compressed_is_told(self, data):
        with pytest.raises(BadPack):
            packing.unpack(b"\x01" + zlib.compress(b"\x02\x00\x00\x00\xff\xff" + data), BEGIN)

    @pytest.mark.parametrize("length", range(len(good)))
    def test_one_that_was_cut_off_is_told(self, length):
        with pytest.raises(BadPack):
            packing.unpack(self.good[:length], BEGIN)

    def test_bytes_after_its_end_are_told(self):
        with pytest.raises(BadPack):
            packing.unpack(self.good + b"\x00", BEGIN)

    @given(st.integers(1, len(good) - 1), st.integers(1, 255))
    def test_a_byte_that_changed_is_told(self, place, change):
        """zlib's checksum holds for all of it."""
        data = bytearray(self.good)
        data[place] ^= change
        try:
            read = packing.unpack(bytes(data), BEGIN)
        except BadPack:
            return
        assert same(read, packing.unpack(self.good, BEGIN))  # a mark of zlib's that says nothing

    def test_what_unfolds_without_end_is_not_unfolded(self):
        with pytest.raises(BadPack):
            packing.unpack(b"\x01" + zlib.compress(bytes(2**26)), BEGIN)

    def test_a_later_version_is_another_matter(self):
        with pytest.raises(NewerPack):
            packing.unpack(b"\x02" + self.good[1:], BEGIN)


class TestMerging:
    @given(hours, st.sets(st.integers(0, 149)), st.sets(st.integers(0, 149)))
    def test_parts_that_overlap_are_the_whole(self, made, some, others):
        count = len(made.times)
        parts = []
        for chosen in (some, others, set(range(count)) - some - others):
            places = sorted(place for place in chosen if place < count)
            parts.append(Samples(made.times[places], made.values[:, places]))
        assert same(packing.merged(parts), made)

    def test_the_first_one_stays(self):
        first, second = (samples([30], [[cpu] * WIDTH]) for cpu in (0.25, 0.75))
        assert packing.merged([first, second]).values[0].tolist() == [0.25]

    def test_the_hours_of_a_day(self):
        made = samples([0, HOUR - 1, HOUR, 5 * HOUR], [[n] * WIDTH for n in range(4)])
        found = packing.by_hour(made)
        assert {hour: part.times.tolist() for hour, part in found.items()} == {
            BEGIN: [BEGIN, BEGIN + HOUR - 1],
            BEGIN + HOUR: [BEGIN + HOUR],
            BEGIN + 5 * HOUR: [BEGIN + 5 * HOUR],
        }
        assert found[BEGIN + HOUR].values[0].tolist() == [2]
        assert packing.by_hour(samples([], [])) == {}


class TestPlain:
    @given(st.integers(-999_999, 999_999), st.integers(-20, 12))
    def test_six_digits_are_what_they_were(self, digits, exponent):
        number = float(f"{digits}e{exponent}")
        [found] = packing.plain(np.array([number], dtype=np.float32))
        assert found == pytest.approx(number, rel=1e-15)

    @given(st.floats(width=32, allow_nan=False, allow_infinity=False))
    def test_the_rest_is_the_same_four_bytes(self, number):
        [found] = packing.plain(np.array([number], dtype=np.float32))
        assert np.float32(found) == np.float32(number)

    @pytest.mark.parametrize("number", [0.9, 0.1, 0.85, 0.0, 1.0, 12345.6, 1e-7, 0.95])
    def test_a_threshold_stays_on_its_side(self, number):
        assert packing.plain(np.array([number], dtype=np.float32)) == [number]

    def test_nothing_is_none(self):
        assert packing.plain(np.array([np.nan, 0.5])) == [None, 0.5]
        assert packing.plain(np.array([], dtype=np.float32)) == []
