from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from monitoring import retention, samples
from monitoring.models import Sample

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def store(at, server=7):
    row = f"({server},{int(at.timestamp())},0.5)"
    samples.insert("monitoring_sample", "server_id, taken_at, cpu", [row], "")


def ages(server=7):
    taken = Sample.objects.filter(server_id=server).values_list("taken_at", flat=True)
    return sorted(round((NOW.timestamp() - at) / 86400, 1) for at in taken)


@pytest.fixture
def samples_table(transactional_db):
    """DDL commits, so these tests clean up after themselves."""
    yield
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE monitoring_sample REMOVE PARTITIONING")
            cursor.execute("TRUNCATE TABLE monitoring_sample")
            cursor.execute(
                "ALTER TABLE monitoring_sample PARTITION BY RANGE (taken_at)"
                " (PARTITION later VALUES LESS THAN MAXVALUE)"
            )


def test_what_is_older_than_a_week_goes_and_the_rest_stays(samples_table):
    retention.prune(now=NOW - timedelta(days=9))
    for days in (0, 6.4, 8.6, 30):
        store(NOW - timedelta(days=days))
        store(NOW - timedelta(days=days), server=9)
    if connection.vendor == "mysql":
        # 30 days ago lies in the oldest partition, together with 8.6.
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


@pytest.mark.django_db
class TestNames:
    def test_partitions_that_are_wanted(self):
        names = [name for name, _ in retention.wanted(NOW)]
        assert names == ["d20261120", "d20261121", "d20261122"]

    def test_a_partition_ends_at_midnight_utc(self):
        _, bound = retention.wanted(NOW)[0]
        assert datetime.fromtimestamp(bound, UTC) == datetime(2026, 11, 21, tzinfo=UTC)


class TestPartitions:
    def test_they_are_made_ahead_once(self, samples_table):
        if connection.vendor != "mysql":
            assert retention.prune(now=NOW) == 0  # there are none to make
            return
        retention.extend(now=NOW)
        retention.extend(now=NOW)
        assert list(retention.partitions()) == ["d20261120", "d20261121", "d20261122", "later"]

    def test_what_came_before_its_partition_is_kept(self, samples_table):
        store(NOW + timedelta(days=1))
        retention.prune(now=NOW)
        store(NOW + timedelta(days=50))
        assert ages() == [-50, -1]

    def test_a_chart_reads_only_the_days_it_shows(self, samples_table):
        if connection.vendor != "mysql":
            return
        retention.extend(now=NOW)
        start, end = int(NOW.timestamp()), int(NOW.timestamp()) + 3600
        with connection.cursor() as cursor:
            cursor.execute(
                "EXPLAIN PARTITIONS SELECT AVG(cpu) FROM monitoring_sample"
                " WHERE server_id = 7 AND taken_at >= %s AND taken_at < %s",
                [start, end],
            )
            plan = dict(zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True))
        assert plan["partitions"] == "d20261120"
