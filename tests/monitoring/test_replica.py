"""History from a replica: while it answers and keeps up."""

from datetime import timedelta

import pytest
from django.db import OperationalError, ProgrammingError, connection, connections

from monitoring import replica
from monitoring.recall import recall_one
from monitoring.replica import Trust
from servers.models import Cluster
from tests.monitoring.test_recall import BEGIN, row

pytestmark = pytest.mark.django_db


class Replica:
    """The test's own database under another name, or one that does not answer."""

    def __init__(self):
        self.is_away = False
        self.asked = 0

    def __getattr__(self, name):
        return getattr(connection, name)

    def cursor(self):
        self.asked += 1
        if self.is_away:
            raise OperationalError(2003, "Can't connect")
        return connection.cursor()


@pytest.fixture
def copy(settings, monkeypatch):
    settings.HISTORY_DATABASE = "replica"
    monkeypatch.setattr(replica, "trust", Trust())
    made = Replica()
    connections["replica"] = made
    yield made
    del connections["replica"]


@pytest.fixture
def behind(monkeypatch):
    def by(**time):
        monkeypatch.setattr(replica, "behind", lambda alias: timedelta(**time))

    by(seconds=1)
    return by


@pytest.fixture
def soon(monkeypatch):
    """Lets the time pass until it is looked at again."""

    def pass_by():
        replica.trust.until = 0.0

    return pass_by


def read():
    return recall_one(7, ["cpu"], BEGIN, BEGIN + 60).times.tolist()


def test_none_is_asked_where_none_is_set(settings, monkeypatch):
    monkeypatch.setattr(replica, "behind", lambda alias: pytest.fail("asked"))
    assert settings.HISTORY_DATABASE == "default"
    assert read() == []


def test_it_is_read(copy, behind):
    row(30, 0.5)
    assert read() == [BEGIN + 30]
    assert copy.asked == 2  # rows and packs


def test_one_that_goes_away_while_it_is_read_costs_nobody_a_page(copy, behind, soon):
    row(30, 0.5)
    read()
    copy.is_away = True
    assert read() == [BEGIN + 30]
    asked = copy.asked
    assert read() == [BEGIN + 30]
    assert copy.asked == asked, "it is left alone for a moment"
    copy.is_away = False
    soon()
    read()
    assert copy.asked == asked + 2


def test_one_that_lacks_our_tables_costs_nobody_a_page_either(copy, behind, monkeypatch):
    def lacking():
        raise ProgrammingError(1146, "Table doesn't exist")

    row(30, 0.5)
    monkeypatch.setattr(copy, "cursor", lacking)
    assert read() == [BEGIN + 30]


def test_one_that_is_far_behind_is_left_alone(copy, behind, soon, settings):
    behind(seconds=2 * settings.POLL_INTERVAL + 1)
    read()
    assert copy.asked == 0
    behind(seconds=2 * settings.POLL_INTERVAL)
    read()
    assert copy.asked == 0, "what was found out holds for a moment"
    soon()
    read()
    assert copy.asked == 2


def test_one_that_cannot_be_asked_how_far_it_is(copy, monkeypatch):
    def broken(alias):
        raise OperationalError(2003, "Can't connect")

    monkeypatch.setattr(replica, "behind", broken)
    row(30, 0.5)
    assert read() == [BEGIN + 30]
    assert copy.asked == 0


def test_how_far_behind_it_is(cluster, clock, monkeypatch):
    Cluster.objects.update(last_cycle_at=clock())
    known = {"default": clock(), "replica": clock() - timedelta(seconds=40)}
    monkeypatch.setattr(replica, "last_cycle", known.__getitem__)
    assert replica.behind("replica") == timedelta(seconds=40)
    known["replica"] = None
    assert replica.behind("replica") == timedelta.max
    known["default"] = None
    assert replica.behind("replica") == timedelta(0)


def test_when_the_last_cycle_was(cluster, clock):
    Cluster.objects.update(last_cycle_at=clock())
    assert replica.last_cycle("default") == clock()
