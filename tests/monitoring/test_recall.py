"""Samples from rows and packs, as if they stood in one place."""

import logging

import numpy as np
import pytest
from django.db import connection

from monitoring import evidence, forecast, packing, samples, sparklines
from monitoring.history import Range, history
from monitoring.models import SamplePack
from monitoring.packing import COLUMNS, HOUR, Samples
from monitoring.recall import recall, recall_one

BEGIN = 1_795_176_000  # a full hour

pytestmark = pytest.mark.django_db


def row(at, cpu, server=7):
    """`at` in seconds after BEGIN."""
    samples.insert(
        "monitoring_sample",
        "server_id, taken_at, cpu",
        [f"({server},{BEGIN + at},{samples.number(cpu)})"],
        "",
    )


def pack(hour, server=7, **cpus):
    """`cpus` by s<seconds after the hour's beginning>."""
    begin = BEGIN + hour * HOUR
    values = np.full((len(COLUMNS), len(cpus)), np.nan, dtype=np.float32)
    values[0] = list(cpus.values())
    times = np.array([begin + int(name[1:]) for name in cpus])
    data = packing.pack(Samples(times, values), begin)
    return SamplePack.objects.create(server_id=server, hour=begin, data=data)


def cpus(start, end, server=7):
    found = recall_one(server, ["cpu"], BEGIN + start, BEGIN + end)
    times = (found.times - BEGIN).tolist()
    return dict(zip(times, packing.plain(found.values[0]), strict=True))


class TestBothTiers:
    def test_in_order_of_time(self):
        row(HOUR + 30, 0.3)
        row(30, 0.2)  # came late
        pack(0, s0=0.1, s3599=0.25)
        pack(-1, s0=0.9)
        found = cpus(-HOUR, 2 * HOUR)
        assert found == {-HOUR: 0.9, 0: 0.1, 30: 0.2, 3599: 0.25, HOUR + 30: 0.3}
        assert list(found) == sorted(found)

    def test_the_end_is_not_in_it_and_the_start_is(self):
        pack(0, s0=0.1, s30=0.2, s60=0.3, s90=0.4)
        assert cpus(30, 90) == {30: 0.2, 60: 0.3}
        assert cpus(31, 60) == {}

    def test_a_sample_in_both_counts_once_as_it_was_packed(self):
        pack(0, s0=0.1, s30=0.2)
        row(30, 0.7)
        assert cpus(0, HOUR) == {0: 0.1, 30: 0.2}

    def test_of_each_server_its_own(self):
        pack(0, s0=0.1)
        pack(0, server=8, s0=0.2)
        row(60, 0.3, server=8)
        assert cpus(0, HOUR, server=8) == {0: 0.2, 60: 0.3}
        found = recall([7, 8, 9], ["cpu"], BEGIN, BEGIN + HOUR)
        assert [len(found[server].times) for server in (7, 8, 9)] == [1, 2, 0]

    def test_two_reads_whatever_is_asked_for(self, django_assert_num_queries):
        pack(0, s0=0.1)
        pack(1, s0=0.1)
        for servers, count in ([7], 2), (range(1, 101), 2), ([], 0):
            with django_assert_num_queries(count):
                recall(servers, COLUMNS, BEGIN, BEGIN + 7 * 86400)

    def test_columns_in_the_order_that_was_asked_for(self):
        samples.insert(
            "monitoring_sample", samples.SAMPLE_COLUMNS, [f"(7,{BEGIN},1,2,3,4,5,6,7)"], ""
        )
        values = np.arange(1, 8, dtype=np.float32).reshape(7, 1)
        data = packing.pack(Samples(np.array([BEGIN + HOUR]), values), BEGIN + HOUR)
        SamplePack.objects.create(server_id=7, hour=BEGIN + HOUR, data=data)
        found = recall_one(7, ["disk_write", "cpu", "disk_used"], BEGIN, BEGIN + 2 * HOUR)
        assert found.values.tolist() == [[7, 7], [1, 1], [3, 3]]

    def test_four_bytes_to_the_last_bit(self):
        """MariaDB tells six digits of such a number, unless it is asked for more."""
        row(0, 0.123456789)
        assert recall_one(7, ["cpu"], BEGIN, BEGIN + 1).values[0, 0] == np.float32(0.123456789)

    def test_rows_are_read_before_packs(self):
        """So that what is packed between the two reads is in the second one."""
        row(0, 0.5)
        moved = []

        def move(execute, sql, parameters, many, context):
            found = execute(sql, parameters, many, context)
            if "SELECT server_id" in sql and not moved:
                moved.append(True)
                with connection.cursor() as cursor:
                    cursor.execute("DELETE FROM monitoring_sample")
                pack(0, s0=0.5)
            return found

        with connection.execute_wrapper(move):
            assert cpus(0, HOUR) == {0: 0.5}
        assert moved


class TestDamage:
    def test_an_hour_is_lost_and_said(self, caplog):
        pack(0, s0=0.1)
        SamplePack.objects.create(server_id=7, hour=BEGIN + HOUR, data=b"\x01rubbish")
        pack(2, s0=0.3)
        with caplog.at_level(logging.WARNING):
            assert cpus(0, 3 * HOUR) == {0: 0.1, 2 * HOUR: 0.3}
        assert f"The hour {BEGIN + HOUR} of server 7 cannot be read" in caplog.text

    def test_a_chart_has_a_gap_there(self):
        pack(0, s0=0.1)
        SamplePack.objects.create(server_id=7, hour=BEGIN + HOUR, data=b"")
        found = history(7, Range(BEGIN, BEGIN + 2 * HOUR, HOUR), ["cpu"])
        assert [point[1] for point in found.series["cpu"]] == [0.1, None]


class TestReaders:
    """Each reader sees both."""

    @pytest.fixture(autouse=True)
    def both(self):
        pack(0, s0=0.25, s60=0.75)
        row(HOUR, 0.9)

    def test_charts(self):
        found = history(7, Range(BEGIN, BEGIN + 2 * HOUR, HOUR), ["cpu"])
        assert found.series["cpu"] == [
            (BEGIN, 0.5, 0.25, 0.75), (BEGIN + HOUR, 0.9, 0.9, 0.9)
        ]  # fmt: skip

    def test_evidence(self):
        assert evidence.measured(7, "cpu", BEGIN, BEGIN + 2 * HOUR) == [
            (BEGIN, 0.25), (BEGIN + 60, 0.75), (BEGIN + HOUR, 0.9)
        ]  # fmt: skip

    def test_sparklines(self):
        wanted = sparklines.Window(start=BEGIN, step=HOUR, points=3)
        assert sparklines.cpu_lines([7, 8], wanted) == {7: [0.5, 0.9, None], 8: [None] * 3}

    def test_forecast(self):
        begin = BEGIN - HOUR
        values = np.full((len(COLUMNS), 2), np.nan, dtype=np.float32)
        values[2] = [1024, 3072]
        data = packing.pack(Samples(np.array([begin, begin + 30]), values), begin)
        SamplePack.objects.create(server_id=7, hour=begin, data=data)
        assert forecast.hourly(7, BEGIN + 2 * HOUR) == [(begin, 2048.0)]
