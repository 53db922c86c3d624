"""When disks will be full."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from accounts.audit import SYSTEM
from alerts import rules
from alerts.models import Alert
from monitoring import forecast, samples
from monitoring.forecast import NEVER, seconds_left, slope
from servers import ownership
from servers.models import LastSample, Server

HOUR, DAY, GB = 3600, 86400, 1024**3
WISH = {"metric": "disk_full_in", "condition": "less_than", "threshold": 3 * DAY}


def line(hours=48, *, begin=10 * GB, growth=GB / DAY):
    return [(at * HOUR, begin + growth * at * HOUR) for at in range(hours)]


class TestTheLine:
    def test_it_grows_steadily(self):
        assert slope(line()) == pytest.approx(GB / DAY)
        left = seconds_left(line(), used=12 * GB, total=20 * GB)
        assert left == pytest.approx(8 * DAY)

    def test_it_does_not_grow(self):
        assert seconds_left(line(growth=0), used=10 * GB, total=20 * GB) == NEVER
        assert seconds_left(line(growth=-5), used=10 * GB, total=20 * GB) == NEVER

    def test_it_grows_so_slowly_that_nobody_will_see_it(self):
        assert seconds_left(line(growth=0.001), used=10 * GB, total=20 * GB) == NEVER

    def test_too_little_is_known(self):
        assert seconds_left(line(23), used=10 * GB, total=20 * GB) is None
        assert seconds_left([], used=10 * GB, total=20 * GB) is None

    def test_it_is_full(self):
        assert seconds_left([], used=20 * GB, total=20 * GB) == 0

    def test_a_night_that_was_cleaned_up_does_not_hide_the_trend(self):
        points = [(at, used - (2 * GB if 20 <= place < 24 else 0)) for place, (at, used) in
                  enumerate(line(72))]  # fmt: skip
        assert slope(points) == pytest.approx(GB / DAY, rel=0.35)

    def test_all_at_one_time(self):
        assert slope([(5, 1.0), (5, 2.0)]) == 0

    @given(
        st.lists(st.floats(0, 1e13), min_size=24, max_size=72),
        st.floats(1, 1e13),
        st.floats(0, 1e13),
    )
    def test_it_is_a_number_of_seconds_whatever_comes(self, values, total, used):
        points = [(at * HOUR, value) for at, value in enumerate(values)]
        left = seconds_left(points, used=used, total=total)
        assert 0 <= left <= NEVER


@pytest.mark.django_db
class TestReporting:
    @pytest.fixture
    def rule(self, server, alice, clock):
        return rules.create(alice, WISH, actor=SYSTEM, now=clock())

    @pytest.fixture
    def filling(self, clock):
        """Its disk of 20 GiB filled up by so much a day until now."""

        def run(server, growth, *, now_used=16 * GB, hours=60):
            at = int(clock().timestamp())
            LastSample.objects.filter(server=server).update(
                taken_at=at, disk_used=now_used, disk_total=20 * GB
            )
            samples.insert(
                "monitoring_sample",
                "server_id, taken_at, disk_used",
                [
                    f"({server.pk},{at - back * 1800 - 600},{now_used - growth * back / 48:f})"
                    for back in range(hours * 2)
                ],
                "",
            )

        return run

    @pytest.fixture
    def alerts(self, clock, committed):
        def run():
            with committed():
                forecast.forecast(clock)
            return list(Alert.objects.filter(metric="disk_full_in"))

        return run

    def test_it_fires_two_days_before(self, rule, server, filling, alerts):
        filling(server, 2 * GB)
        [alert] = alerts()
        assert alert.value == pytest.approx(2 * DAY, rel=0.05)

    def test_it_recovers_when_room_was_made(self, rule, server, filling, alerts, clock):
        filling(server, 2 * GB)
        alerts()
        LastSample.objects.filter(server=server).update(disk_used=4 * GB)
        [alert] = alerts()
        assert alert.end_reason == "recovered"

    def test_not_where_it_grows_slowly(self, rule, server, filling, alerts):
        filling(server, GB / 10)
        assert alerts() == []

    def test_not_after_an_hour(self, rule, server, filling, alerts):
        filling(server, 10 * GB, hours=5)
        assert alerts() == []

    def test_what_is_old_says_nothing_of_now(self, rule, server, filling, alerts, clock):
        filling(server, 2 * GB)
        clock.pass_by(3 * HOUR)
        assert alerts() == []

    def test_only_those_that_a_rule_asks_about_are_looked_at(
        self, rule, server, polled, filling, alerts, bob, clock
    ):
        others = list(Server.objects.exclude(pk=server.pk)[:3])
        ownership.assign(others, bob, actor=SYSTEM, now=clock())
        for other in others:
            filling(other, 2 * GB)
        assert list(forecast.asked_about()) == [server.pk]
        assert alerts() == []

    def test_without_such_a_rule_no_history_is_read(self, server, filling, clock):
        filling(server, 2 * GB)
        with CaptureQueriesContext(connection) as found:
            forecast.forecast(clock)
        assert not [query for query in found if "monitoring_sample" in query["sql"]]

    def test_a_read_of_the_history_for_each(self, rule, server, filling, clock):
        """Of rows and of packs."""
        filling(server, GB / 10)
        with CaptureQueriesContext(connection) as found:
            forecast.forecast(clock)
        assert len([query for query in found if "monitoring_sample" in query["sql"]]) == 2
