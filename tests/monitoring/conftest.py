"""Tables of samples as a fresh installation has them, for tests that change their partitions."""

import pytest
from django.db import connection

from monitoring import partitions

FRESH = (("monitoring_sample", "taken_at"), ("monitoring_samplepack", "hour"))


@pytest.fixture
def samples_table(transactional_db, monkeypatch):
    """DDL commits, so these tests clean up, after themselves and after others."""
    monkeypatch.setattr(partitions, "PURGED_AFTER_SECONDS", 0)
    make_fresh()
    yield
    make_fresh()


def make_fresh():
    if connection.vendor != "mysql":
        return
    with connection.cursor() as cursor:
        for table, column in FRESH:
            cursor.execute(f"ALTER TABLE {table} REMOVE PARTITIONING")
            cursor.execute(f"TRUNCATE TABLE {table}")
            cursor.execute(
                f"ALTER TABLE {table} PARTITION BY RANGE (`{column}`)"
                " (PARTITION later VALUES LESS THAN MAXVALUE)"
            )
