import pytest
from django.db import connection

from monitoring import samples
from monitoring.models import Sample
from monitoring.readings import Measured
from servers.models import LastSample

NOW = 1_795_176_000
FULL = Measured(
    0.123456, 8_589_934_592, 17_179_869_184, 5_000_000_000_000, 9_000_000_000_000,
    1e-7, 123_456.789, 0.0, 1e9, 86_400, "host", "agent",
)  # fmt: skip
EMPTY = Measured(None, None, None, None, None, None, None, None, None, None, "", "")

pytestmark = pytest.mark.django_db


def close(value):
    return pytest.approx(value, rel=1e-5)


def test_it_works(server):
    samples.store({server.pk: FULL}, taken_at=NOW + 500)
    stored = Sample.objects.get(server_id=server.pk, taken_at=NOW + 500)
    assert stored.cpu == close(0.123456)
    assert stored.memory_used == close(8_589_934_592)
    assert stored.disk_used == close(5_000_000_000_000)
    assert stored.network_in == close(1e-7)
    assert stored.disk_read == 0
    last = LastSample.objects.get(server=server)
    assert last.taken_at == NOW + 500
    assert last.memory_total == 17_179_869_184
    assert (last.uptime, last.memory_source, last.disk_source) == (86_400, "host", "agent")


def test_what_is_not_known_is_null(server):
    samples.store({server.pk: EMPTY}, taken_at=NOW + 500)
    stored = Sample.objects.get(server_id=server.pk, taken_at=NOW + 500)
    assert stored.cpu is None
    assert stored.disk_used is None
    assert LastSample.objects.get(server=server).memory_used is None


def test_a_second_sample_of_the_same_second_changes_no_history(server):
    samples.store({server.pk: FULL}, taken_at=NOW + 500)
    samples.store({server.pk: EMPTY}, taken_at=NOW + 500)
    assert Sample.objects.get(server_id=server.pk, taken_at=NOW + 500).cpu is not None


def test_nothing_to_store(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        samples.store({}, taken_at=NOW)


def test_one_statement_each_for_history_and_last_values(server, django_assert_num_queries):
    with django_assert_num_queries(2):
        samples.store({server.pk: FULL}, taken_at=NOW + 900)


def test_the_history_lies_together(db):
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SHOW CREATE TABLE monitoring_sample")
            made = cursor.fetchone()[1]
            assert "PARTITION BY RANGE" in made
        else:
            cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'monitoring_sample'")
            made = cursor.fetchone()[0]
            assert made.endswith("WITHOUT ROWID")
