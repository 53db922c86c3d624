from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring import partitions, retention, samples
from monitoring.models import Sample, SamplePack

HOUR, DAY = 3600, 86400
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAUSE = partitions.PURGED_AFTER_SECONDS


def store(at, server=7):
    row = f"({server},{int(at.timestamp())},0.5)"
    samples.insert("monitoring_sample", "server_id, taken_at, cpu", [row], "")


def ages(server=7):
    taken = Sample.objects.filter(server_id=server).values_list("taken_at", flat=True)
    return sorted(round((NOW.timestamp() - at) / 86400, 1) for at in taken)


def test_what_is_older_than_a_week_goes_and_the_rest_stays(samples_table):
    retention.prune(now=NOW - timedelta(days=9))
    for days in (0, 6.4, 9.1, 30):
        store(NOW - timedelta(days=days))
        store(NOW - timedelta(days=days), server=9)
    if connection.vendor == "mysql":
        # 30 days ago lies in the oldest partition, together with 9.1.
        assert retention.prune(now=NOW) >= 1
    else:
        assert retention.prune(now=NOW) == 4
    assert ages(7) == ages(9) == [0, 6.4]


def test_the_days_are_a_setting(samples_table, settings):
    settings.RETENTION_DAYS = 30
    store(NOW - timedelta(days=29))
    retention.prune(now=NOW)
    assert ages() == [29]


def test_nothing_to_prune(samples_table):
    assert retention.prune(now=NOW) == 0


def test_packs_go_too_when_nothing_of_them_is_younger(samples_table):
    retention.prune(now=NOW)
    oldest = int(NOW.timestamp()) - 7 * DAY
    # A partition's six hours are over at 18:00.
    old, young = (-DAY, 5 * HOUR), (6 * HOUR, DAY)
    if connection.vendor != "mysql":
        old, young = (-DAY, -HOUR), (-HOUR + 1, 0)
    for after in old + young:
        SamplePack.objects.create(server_id=7, hour=oldest + after, data=b"")
    later = timedelta(hours=6 if connection.vendor == "mysql" else 0)
    assert retention.prune(now=NOW + later) > 0
    left = set(SamplePack.objects.values_list("hour", flat=True))
    assert left == {oldest + after for after in young}


class TestParts:
    def test_of_the_time_that_is_asked_for(self):
        at = int(NOW.timestamp())
        assert retention.parts("q", at + 1000, at + HOUR + 1, 900) == [
            ("q202611201215", at + 1800),
            ("q202611201230", at + 2700),
            ("q202611201245", at + 3600),
            ("q202611201300", at + 4500),
        ]

    @pytest.mark.parametrize("seconds", [0, 1, 899, 900, 3599])
    def test_without_a_hole(self, seconds):
        start = int(NOW.timestamp()) + seconds
        bounds = [bound for _name, bound in retention.parts("q", start, start + 3 * HOUR, 900)]
        assert bounds == list(range(bounds[0], bounds[-1] + 1, 900))
        assert bounds[0] - 900 <= start < bounds[0]
        assert bounds[-1] >= start + 3 * HOUR

    @pytest.mark.parametrize(("days", "width"), [(1, 6), (7, 6), (30, 6), (31, 24), (400, 24)])
    def test_packs_that_are_kept_for_long_stand_in_fewer(self, settings, days, width):
        settings.RETENTION_DAYS = days
        assert retention.packs_width() == width * HOUR
        assert (days + 2) * 24 // width <= 402


class TestPartitions:
    def test_they_are_made_ahead_once(self, samples_table):
        if connection.vendor != "mysql":
            assert retention.prune(now=NOW) == 0  # there are none to make
            return
        retention.extend(now=NOW)
        with CaptureQueriesContext(connection) as again:
            retention.extend(now=NOW)
            retention.extend(now=NOW + timedelta(hours=2))
        altered = [query["sql"] for query in again if "ALTER" in query["sql"]]
        assert len(altered) == 1
        assert "p202611221200" in altered[0]
        rows = list(partitions.bounds(retention.ROWS))
        assert rows[0] == "q202611201200"
        assert rows[-2:] == ["q202611201745", "later"]
        assert len(rows) == 25
        packs = list(partitions.bounds(retention.PACKS))
        assert packs[0] == "p202611131200"
        assert packs[-2:] == ["p202611221200", "later"]
        assert len(packs) == 38

    def test_they_go_on_where_they_ended(self, samples_table):
        if connection.vendor != "mysql":
            return
        retention.extend(now=NOW)
        retention.extend(now=NOW + timedelta(hours=4))
        bounds = [bound for bound in partitions.bounds(retention.ROWS).values() if bound]
        assert bounds == list(range(bounds[0], bounds[-1] + 1, 900))
        assert retention.made_until() == NOW + timedelta(hours=10)

    def test_after_an_absence_they_begin_anew(self, samples_table):
        if connection.vendor != "mysql":
            return
        retention.extend(now=NOW)
        retention.extend(now=NOW + timedelta(days=3, minutes=20))
        names = list(partitions.bounds(retention.ROWS))
        assert names[24] == "q202611231215"
        assert list(partitions.bounds(retention.PACKS))[-2:] == ["p202611251200", "later"]

    def test_what_came_before_its_partition_is_kept(self, samples_table):
        store(NOW + timedelta(hours=1))
        retention.prune(now=NOW)
        store(NOW + timedelta(days=50))
        assert ages() == [-50, -0.0]

    def test_a_chart_reads_only_the_days_it_shows(self, samples_table):
        if connection.vendor != "mysql":
            return
        retention.extend(now=NOW)
        at = int(NOW.timestamp())
        query = "SELECT * FROM {} WHERE server_id = 7 AND `{}` >= %s AND `{}` < %s"
        assert reads(query.format("monitoring_sample", "taken_at", "taken_at"), at) == (
            "q202611201200,q202611201215,q202611201230,q202611201245"
        )
        assert reads(query.format("monitoring_samplepack", "hour", "hour"), at) == "p202611201200"

    def test_what_somebody_else_dropped_is_no_failure(self, samples_table):
        if connection.vendor != "mysql":
            return
        assert not partitions.drop(retention.ROWS, "q209901010000")  # where there is no other
        retention.extend(now=NOW)
        assert not partitions.drop(retention.ROWS, "q209901010000")
        assert not partitions.drop_if(retention.ROWS, "q209901010000", rows=0)

    def test_a_partition_with_another_number_of_rows_stays(self, samples_table):
        if connection.vendor != "mysql":
            return
        retention.extend(now=NOW)
        store(NOW)
        name = next(iter(partitions.bounds(retention.ROWS)))
        for rows in (0, 2):
            assert not partitions.drop_if(retention.ROWS, name, rows=rows)
        assert ages() == [0]
        assert partitions.drop_if(retention.ROWS, name, rows=1)
        assert ages() == []

    def test_before_each_change_the_purge_may_end_and_nobody_waits_meanwhile(
        self, samples_table, monkeypatch
    ):
        if connection.vendor != "mysql":
            return
        done = []
        monkeypatch.setattr(partitions, "PURGED_AFTER_SECONDS", PAUSE)
        monkeypatch.setattr(partitions.time, "sleep", lambda seconds: done.append(seconds))

        def noted(execute, sql, *rest):
            done.append(sql.split()[0])
            return execute(sql, *rest)

        with connection.execute_wrapper(noted):
            partitions.add(retention.ROWS, [("q1", 900)])
            partitions.drop_if(retention.ROWS, "q1", rows=0)
        change = ["SET", "ALTER", "SET"]
        locked = ["SET", "LOCK", "SELECT", "ALTER", "UNLOCK", "SET"]
        assert PAUSE >= 0.02
        assert done == [PAUSE, *change, PAUSE, *locked]


class TestUpgrade:
    def test_days_that_were_made_ahead_become_quarters(self, samples_table):
        """Of a version that had a partition a day; what stands in them stays."""
        if connection.vendor != "mysql":
            return
        now = datetime.now(UTC)
        midnight = int(now.timestamp()) // DAY * DAY
        days = [(f"day{day + 1}", midnight + day * DAY) for day in range(-1, 4)]
        partitions.add(retention.ROWS, days)
        for ahead in (-2, 0, 2):
            store(now + timedelta(days=ahead))
        upgrade = import_module("monitoring.migrations.0003_sample_packs")
        for _ in range(2):  # the second time there is nothing to do
            with connection.schema_editor() as editor:
                upgrade.free_the_days_ahead(None, editor)
            assert list(partitions.bounds(retention.ROWS)) == ["day0", "day1", "day2", "later"]
        assert Sample.objects.count() == 3
        retention.extend(now=now + timedelta(days=1))
        names = list(partitions.bounds(retention.ROWS))
        assert names[2] == "day2"
        assert names[3].startswith("q")


def reads(query, start):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN PARTITIONS {query}", [start, start + HOUR])
        return dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))[
            "partitions"
        ]
