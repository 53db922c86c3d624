from datetime import UTC, datetime, timedelta

import pytest

from monitoring import samples
from monitoring.history import SERIES
from monitoring.models import Sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def metrics(api_of, alice, server):
    api = api_of(alice)
    return lambda **query: api.get(f"/api/v1/servers/{server.pk}/metrics/", query)


@pytest.fixture
def sampled(server, now):
    """One sample a minute over the last ten, and no others: the tests' own clock may be near."""
    Sample.objects.filter(server_id=server.pk).delete()
    rows = [f"({server.pk},{int(now.timestamp()) - n * 60},0.{n})" for n in range(1, 10)]
    samples.insert("monitoring_sample", "server_id, taken_at, cpu", rows, "")


def test_it_works(metrics, sampled, now):
    start = now - timedelta(minutes=10)
    body = metrics(start=start.isoformat(), end=now.isoformat(), step=60).json()
    assert set(body) == {"start", "end", "step", "series"}
    assert set(body["series"]) == set(SERIES)
    assert body["step"] == 60
    values = [point[1] for point in body["series"]["cpu"] if point[1] is not None]
    assert values == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert all(len(point) == 4 for point in body["series"]["cpu"])
    assert all(point[1:] == [None] * 3 for point in body["series"]["disk_used"])


def test_bytes_are_whole_and_fractions_short(metrics, server, now):
    row = f"({server.pk},{int(now.timestamp()) - 60},0.123456789,1234.5678)"
    columns = "server_id, taken_at, cpu, network_in"
    samples.insert("monitoring_sample", columns, [row], "")
    start = (now - timedelta(minutes=5)).isoformat()
    series = metrics(start=start, end=now.isoformat(), step=60).json()["series"]
    assert [p[1] for p in series["cpu"] if p[1] is not None] == [0.12346]
    assert [p[1] for p in series["network_in"] if p[1] is not None] == [1235]


def test_without_a_word_it_is_the_last_day(metrics, sampled):
    body = metrics().json()
    start, end = (datetime.fromisoformat(body[key]) for key in ("start", "end"))
    assert timedelta(hours=24) <= end - start <= timedelta(hours=24, minutes=10)
    assert body["step"] == 300


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": "yesterday"}, "start"),
        ({"end": "2026-13-45"}, "end"),
        ({"step": "0"}, "step"),
        ({"step": "-5"}, "step"),
        ({"step": "fast"}, "step"),
        ({"step": "1"}, "step"),
        ({"start": "2100-01-01T00:00:00Z"}, "start"),
        ({"start": "2026-11-20T10:00:00Z", "end": "2026-11-20T09:00:00Z"}, "start"),
        ({"start": "9999-12-31T23:59:59Z"}, "start"),
        ({"start": "1970-01-01T00:00:00Z", "step": "60"}, "step"),
        ({"start": "0001-01-01T00:00:00Z"}, "start"),
        ({"start": "1969-12-31T23:59:59Z"}, "start"),
        ({"end": "0001-01-01T00:00:00Z"}, "end"),
        ({"end": "1970-01-01T00:00:00+14:00"}, "end"),
    ],
)
def test_what_makes_no_sense_is_said(metrics, query, field):
    answer = metrics(**query)
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["error"]["fields"]


def test_an_end_in_the_future_is_now(metrics, sampled, now):
    end = (now + timedelta(days=3)).isoformat()
    body = metrics(start=(now - timedelta(hours=1)).isoformat(), end=end).json()
    assert datetime.fromisoformat(body["end"]) <= now + timedelta(minutes=2)


def test_a_time_zone_is_honoured(metrics, sampled):
    one = metrics(start="2026-11-20T03:00:00+03:00", end="2026-11-20T04:00:00+03:00", step=60)
    two = metrics(start="2026-11-20T00:00:00Z", end="2026-11-20T01:00:00Z", step=60)
    assert one.json() == two.json()
