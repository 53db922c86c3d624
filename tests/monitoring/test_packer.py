"""Packing hours that are over: nothing is lost and nothing doubled, whatever happens meanwhile."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from monitoring import claims, packer, partitions, retention, samples
from monitoring.models import Packing, Sample, SamplePack
from monitoring.packing import COLUMNS, HOUR
from monitoring.recall import recall

NOW = datetime(2026, 11, 20, 12, 20, tzinfo=UTC)
NOON = int(NOW.timestamp()) - 1200
SERVERS = range(1, 6)

pytestmark = pytest.mark.usefixtures("samples_table")


def store(rows):
    """`rows`: (server, Unix seconds, cpu); all other values follow from these."""
    values = [
        f"({server},{at},{samples.number(cpu)},{server},{at % 1000},NULL,0.25,1e-7,{at % 7})"
        for server, at, cpu in rows
    ]
    samples.insert("monitoring_sample", samples.SAMPLE_COLUMNS, values, "")


def everything():
    """All samples that are told, from both places."""
    found = recall(SERVERS, COLUMNS, NOON - 86400, NOON + 86400)
    return {
        (server, at): values.tobytes()
        for server, one in found.items()
        for at, values in zip(one.times.tolist(), one.values.T.copy(), strict=True)
    }


def pack(now=NOW):
    return packer.pack(clock=lambda: now)


@pytest.fixture(params=["rows alone", "partitions ahead"])
def hours(request):
    """Three hours of five servers until now, with a gap and a value that is not known. On MySQL in
    partitions as they are made ahead, and in one that holds more than an hour."""
    if request.param == "partitions ahead" and connection.vendor == "mysql":
        retention.extend(now=NOW - timedelta(hours=3))
    store(
        (server, at, None if at % 9 == 0 else server / 10)
        for server in SERVERS
        for at in range(NOON - 2 * HOUR, NOON + 1200, 100 + server)
        if not (server == 3 and NOON - HOUR <= at < NOON)
    )
    return everything()


def rows_before(at):
    return Sample.objects.filter(taken_at__lt=at).count()


class TestWhatIsPacked:
    def test_hours_that_are_over(self, hours):
        due = rows_before(NOON)
        assert pack() == due > 0
        assert everything() == hours
        assert rows_before(NOON) == 0
        assert Sample.objects.count() == len(hours) - due
        found = set(SamplePack.objects.values_list("server_id", "hour"))
        assert found == {
            (server, hour)
            for server in SERVERS
            for hour in (NOON - 2 * HOUR, NOON - HOUR)
            if (server, hour) != (3, NOON - HOUR)
        }

    def test_not_in_the_first_minutes_after(self, hours):
        pack(datetime.fromtimestamp(NOON + 299, UTC))
        assert rows_before(NOON - HOUR) == 0
        assert rows_before(NOON) > 0

    def test_again_there_is_nothing_to_do(self, hours):
        pack()
        assert pack() == 0
        assert everything() == hours

    def test_nothing_at_all(self):
        assert pack() == 0

    def test_what_comes_late_is_added(self, hours):
        pack()
        late = NOON - HOUR + 7
        store([(3, late, 0.5), (1, late, 0.5)])
        expected = everything()
        assert len(expected) == len(hours) + 2
        # Where its partition is gone, it came into the first one that is left.
        assert pack(NOW + timedelta(hours=1)) >= 2
        assert everything() == expected
        assert rows_before(NOON + HOUR) == 0

    def test_what_is_packed_already_stays_as_it_was(self, hours):
        """A clock that was set back: the same second a second time."""
        pack()
        store([(1, NOON - HOUR, 0.99)])
        again = everything()
        assert pack(NOW + timedelta(hours=1)) >= 1
        assert everything() == again
        assert rows_before(NOON + HOUR) == 0

    def test_a_damaged_pack_is_replaced_and_said(self, hours, caplog):
        SamplePack.objects.create(server_id=1, hour=NOON - HOUR, data=b"rubbish")
        with caplog.at_level(logging.WARNING):
            pack()
        assert everything() == hours
        assert f"hour {NOON - HOUR} of server 1 was unreadable" in caplog.text

    def test_what_a_later_version_packed_is_not_touched(self, hours):
        newer = SamplePack.objects.create(server_id=1, hour=NOON - HOUR, data=b"\x09anything")
        store([(900, NOON - 60, 0.5)])
        pack()
        newer.refresh_from_db()
        assert bytes(newer.data) == b"\x09anything"
        assert Sample.objects.filter(server_id=1, taken_at__gte=NOON - HOUR).exists()
        assert SamplePack.objects.filter(server_id=900).exists(), "others are packed all the same"

    def test_in_slices_of_any_size(self, hours, monkeypatch):
        monkeypatch.setattr(packer, "AT_ONCE", 13)
        monkeypatch.setattr(packer, "BYTES_AT_ONCE", 10)
        pack()
        assert everything() == hours
        assert rows_before(NOON) == 0

    def test_ids_far_apart(self):
        store([(1, NOON - 60, 0.5), (4_000_000_000, NOON - 60, 0.5)])
        assert pack() == 2
        assert SamplePack.objects.count() == 2

    def test_a_run_that_takes_long_leaves_the_rest_to_the_next(self, hours, monkeypatch):
        monkeypatch.setattr(packer, "AT_ONCE", 13)
        times = iter(range(10_000))
        packer.pack(clock=lambda: NOW + timedelta(seconds=40 * next(times)))
        assert rows_before(NOON) > 0
        assert everything() == hours
        pack()
        assert rows_before(NOON) == 0
        assert everything() == hours


class TestOneAtATime:
    def test_while_another_packs_nothing_is_done(self, hours):
        assert claims.claim_packing(now=NOW, lasts=timedelta(minutes=2))
        assert pack() == 0
        assert not SamplePack.objects.exists()

    def test_a_dead_packers_claim_ends(self, hours):
        claims.claim_packing(now=NOW - timedelta(minutes=3), lasts=timedelta(minutes=2))
        assert pack() > 0

    def test_it_is_given_back(self, hours):
        pack()
        assert Packing.objects.get().claimed_until is None

    def test_who_was_overtaken_stops(self, hours, monkeypatch, caplog):
        save = packer.save

        def overtaken(read):
            Packing.objects.update(claim="another's")
            save(read)

        monkeypatch.setattr(packer, "AT_ONCE", 13)
        monkeypatch.setattr(packer, "save", overtaken)
        with caplog.at_level(logging.WARNING):
            pack()
        assert "taken over" in caplog.text
        assert everything() == hours
        assert Packing.objects.get().claim == "another's"


class Killed(Exception):
    """The process is gone: no statement is sent any more."""


class TestKilled:
    def test_at_any_statement(self, hours):
        """Killed before each statement in turn; the next packer finishes, and all is there."""
        now, survived = NOW, 0
        while not self.dies_at(survived, now):
            assert everything() == hours, f"after being killed at statement {survived}"
            now += timedelta(minutes=3)
            survived += 1
        assert survived > 6
        assert rows_before(NOON) == 0
        assert everything() == hours

    def dies_at(self, statement, now):
        """Packs until that statement; whether it was done before."""
        count = 0

        def dying(execute, *arguments):
            nonlocal count
            count += 1
            if count > statement:
                raise Killed
            return execute(*arguments)

        try:
            with connection.execute_wrapper(dying):
                pack(now)
        except Killed:
            connection.close()  # as the database sees it
            return False
        return True


class TestMeanwhile:
    def test_who_reads_while_it_is_packed_sees_all(self, hours):
        """A reader in another connection, before each statement of the packer's."""
        seen = []

        def look():
            try:
                seen.append(everything())
            finally:
                connection.close()

        def looked_at(execute, sql, *arguments):
            # Under the lock it would wait for us, and we for it.
            if not sql.startswith(("SELECT COUNT", "ALTER", "UNLOCK")):
                reader = threading.Thread(target=look)
                reader.start()
                reader.join()
            return execute(sql, *arguments)

        with connection.execute_wrapper(looked_at):
            pack()
        assert len(seen) > 6
        assert all(one == hours for one in seen)

    def test_a_row_that_comes_before_the_others_go_is_kept(self, hours):
        """By another connection on MySQL; SQLite lets nobody write meanwhile, so by our own."""
        came = []

        def arrive():
            try:
                store([(2, NOON - HOUR + 11, 0.5)])
            finally:
                if connection.vendor == "mysql":
                    connection.close()

        def arriving(execute, sql, *arguments):
            if sql.startswith(("DELETE", "LOCK")) and not came:
                came.append(sql)
                if connection.vendor == "mysql":
                    writer = threading.Thread(target=arrive)
                    writer.start()
                    writer.join()
                else:
                    arrive()
            return execute(sql, *arguments)

        with connection.execute_wrapper(arriving):
            pack()
        assert came
        found = everything()
        # SQLite's own row went with the transaction that was taken back.
        assert len(found) == len(hours) + (connection.vendor == "mysql")
        assert {key: found[key] for key in hours} == hours
        pack(NOW + timedelta(minutes=5))
        assert everything() == found
        assert rows_before(NOON) == 0


class TestPartitions:
    def test_an_hours_partitions_go_and_others_stay(self):
        if connection.vendor != "mysql":
            assert partitions.PASSING  # there are none
            return
        retention.extend(now=NOW - timedelta(hours=2))
        store((1, at, 0.5) for at in range(NOON - HOUR, NOON + 1200, 300))
        pack()
        names = list(partitions.bounds(retention.ROWS))
        assert names[0] == "q202611201200"
        assert names[-1] == "later"
        assert Sample.objects.count() == 4

    def test_a_day_from_before_is_emptied_by_the_hour_and_goes_when_it_is_over(self):
        if connection.vendor != "mysql":
            return
        midnight = NOON - 12 * HOUR
        partitions.add(retention.ROWS, [("d20261119", midnight), ("d20261120", midnight + 86400)])
        store((1, at, 0.5) for at in range(midnight - HOUR, NOON + 1200, 600))
        whole = everything()
        pack()
        assert list(partitions.bounds(retention.ROWS)) == ["d20261120", "later"]
        assert Sample.objects.count() == 2
        pack(NOW + timedelta(days=1))
        assert list(partitions.bounds(retention.ROWS)) == ["later"]
        assert everything() == whole

    def test_a_clock_that_ran_ahead_stops_nothing(self):
        """The first partition after it reaches from then to now, and is no quarter of an hour."""
        if connection.vendor != "mysql":
            return
        retention.extend(now=NOW - timedelta(days=1))
        retention.extend(now=NOW + timedelta(days=30))
        store((1, at, 0.5) for at in range(NOON - HOUR, NOON + 1200, 300))
        whole = everything()
        assert pack() == 12
        assert everything() == whole
        assert Sample.objects.count() == 4

    def test_which_are_of_an_hour(self):
        bounds = {"q1": 900, "q2": 1800, "q3": 90_000, "q4": 90_900, "d1": 91_800, "later": None}
        assert packer.of_an_hour(bounds) == {"q1": 900, "q2": 1800, "q4": 90_900}

    def test_a_table_in_use_is_left_for_later(self, caplog, monkeypatch):
        if connection.vendor != "mysql":
            return
        monkeypatch.setattr(partitions, "PATIENCE_SECONDS", 1)
        retention.extend(now=NOW - timedelta(hours=2))
        store((1, at, 0.5) for at in range(NOON - HOUR, NOON, 300))
        whole = everything()
        began, done = threading.Event(), threading.Event()

        def linger():
            with connection.cursor() as cursor:
                cursor.execute("START TRANSACTION")
                cursor.execute("SELECT 1 FROM monitoring_sample WHERE server_id = 1 LIMIT 1")
                began.set()
                done.wait(30)
            connection.close()

        reader = threading.Thread(target=linger)
        reader.start()
        began.wait(10)
        try:
            with caplog.at_level(logging.WARNING):
                pack()
        finally:
            done.set()
            reader.join()
        assert "stay as they are until later" in caplog.text
        assert everything() == whole
        pack()
        assert everything() == whole
        assert Sample.objects.count() == 0
