import pytest

from monitoring import samples
from monitoring.history import BadRange, Range, fitting_range, history

NOW = 1_795_176_000
HOUR = 3600
DAY = 86400


class TestRange:
    @pytest.mark.parametrize(
        ("length", "step", "points"),
        [(HOUR, 30, 120), (6 * HOUR, 120, 180), (DAY, 300, 288), (7 * DAY, 3600, 168)],
    )
    def test_about_as_many_points_as_a_screen_shows(self, length, step, points):
        found = fitting_range(NOW - length, NOW, None, now=NOW)
        assert found.step == step
        assert (found.end - found.start) // found.step == points

    def test_buckets_are_whole(self):
        found = fitting_range(NOW - 1000, NOW - 1, 300, now=NOW)
        assert found.start % 300 == found.end % 300 == 0
        assert found.start <= NOW - 1000
        assert found.end >= NOW - 1

    def test_the_future_is_cut_off(self):
        assert fitting_range(NOW - HOUR, NOW + DAY, 30, now=NOW).end == NOW

    @pytest.mark.parametrize(
        ("start", "end", "step", "field"),
        [
            (NOW, NOW - 1, None, "start"),
            (NOW, NOW, None, "start"),
            (NOW + 5, NOW + 9, None, "start"),
            (NOW - 10, NOW, 0, "step"),
            (NOW - 7 * DAY, NOW, 1, "step"),
        ],
    )
    def test_what_makes_no_sense_is_said(self, start, end, step, field):
        with pytest.raises(BadRange) as caught:
            fitting_range(start, end, step, now=NOW)
        assert caught.value.field == field


@pytest.mark.django_db
class TestHistory:
    def store(self, *values, server=7, start=NOW - HOUR, every=30):
        for index, cpu in enumerate(values):
            if cpu is not None:
                samples.insert(
                    "monitoring_sample",
                    "server_id, taken_at, cpu",
                    [f"({server},{start + index * every},{cpu})"],
                    "",
                )

    def test_average_minimum_and_maximum_of_each_bucket(self, db):
        self.store(0.25, 0.75, 0.5, 0.5)
        found = history(7, Range(NOW - HOUR, NOW - HOUR + 120, 60), ["cpu"])
        assert found.series["cpu"] == [
            (NOW - HOUR, 0.5, 0.25, 0.75),
            (NOW - HOUR + 60, 0.5, 0.5, 0.5),
        ]

    def test_a_gap_stays_a_gap(self, db):
        self.store(0.5, None, None, None, 0.5)
        found = history(7, Range(NOW - HOUR, NOW - HOUR + 150, 30), ["cpu"])
        assert [point[1] for point in found.series["cpu"]] == [0.5, None, None, None, 0.5]

    def test_a_cycle_that_came_early_makes_no_gap(self, db):
        self.store(0.5, every=30)
        self.store(0.5, start=NOW - HOUR + 29)
        self.store(0.5, start=NOW - HOUR + 60)
        found = history(7, Range(NOW - HOUR, NOW - HOUR + 90, 30), ["cpu"])
        assert [point[0] for point in found.series["cpu"]] == [NOW - HOUR, NOW - HOUR + 60]

    def test_the_end_is_not_part_of_it_and_other_servers_are_not(self, db):
        self.store(0.5, 0.5, 0.5)
        self.store(0.9, server=8)
        found = history(7, Range(NOW - HOUR, NOW - HOUR + 60, 30), ["cpu"])
        assert [point[1] for point in found.series["cpu"]] == [0.5, 0.5]

    def test_what_was_not_known_is_null_though_other_values_were(self, db):
        self.store(0.5)
        found = history(7, Range(NOW - HOUR, NOW - HOUR + 30, 30), ["cpu", "disk_used"])
        assert found.series["disk_used"] == [(NOW - HOUR, None, None, None)]

    def test_three_queries(self, db, django_assert_num_queries):
        """Rows, packs and sizes."""
        self.store(0.5)
        with django_assert_num_queries(3):
            history(7, Range(NOW - DAY, NOW, 300))
