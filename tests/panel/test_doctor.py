import io
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from panel import diagnosis
from panel.redis_place import RedisPlace
from servers.models import Action, Cluster

pytestmark = pytest.mark.django_db


def consult():
    out = io.StringIO()
    try:
        call_command("doctor", stdout=out)
    except CommandError as error:
        return out.getvalue() + str(error)
    return out.getvalue()


def verdict(text, what):
    line = next(line for line in text.splitlines() if f"{what}:" in line)
    return line.split()[0]


def test_what_is_well(polled, staff, redis_server):
    Cluster.objects.update(last_cycle_at="2100-01-01T00:00:00Z")
    text = consult()
    for what in ("Database", "Redis", "Tables", "Staff", "Stored secrets", "Cluster fra1"):
        assert verdict(text, what) == "ok", text


def test_no_redis(settings):
    settings.REDIS = RedisPlace("unix:///nowhere/redis.sock")
    text = consult()
    assert verdict(text, "Redis") == "BAD"
    assert "nothing is polled" in text


def test_nobody_to_sign_in_and_no_cluster(redis_server):
    text = consult()
    assert "manage.py setup_link" in text
    assert "manage.py add_cluster" in text


def test_marks_that_are_not_those_of_the_role(alice, staff, redis_server):
    assert verdict(consult(), "Roles") == "ok"
    type(alice).objects.filter(pk=alice.pk).update(is_staff=True)
    text = consult()
    assert verdict(text, "Roles") == "BAD"
    assert "alice@example.com" in text


def test_a_lost_key(cluster, settings, redis_server):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    text = consult()
    assert verdict(text, "Stored secrets") == "BAD"
    assert "Add the old key" in text


def test_a_key_that_is_none(settings, redis_server):
    settings.ENCRYPTION_KEYS = ["x"]
    assert verdict(consult(), "ENCRYPTION_KEYS") == "BAD"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"failure": "denied", "failure_message": "Token not accepted."}, "Token not accepted."),
        ({"last_cycle_at": "2026-01-01T00:00:00Z"}, "Are beat and a worker"),
        ({"last_cycle_at": None}, "was never polled"),
        (
            {"last_cycle_at": "2100-01-01T00:00:00Z", "warning": "The list is empty."},
            "The list is empty.",
        ),
    ],
)
def test_a_cluster_that_is_not_well(polled, fields, words, redis_server):
    Cluster.objects.update(**fields)
    text = consult()
    assert verdict(text, "Cluster fra1") == "BAD"
    assert words in text


@pytest.mark.parametrize(("proxies", "expected"), [(0, "BAD"), (1, "ok")])
def test_https_without_a_proxy(proxies, expected, settings, redis_server):
    settings.HTTPS, settings.TRUSTED_PROXIES = True, proxies
    assert verdict(consult(), "Proxy") == expected


def test_no_worker(redis_server):
    assert verdict(consult(), "Worker") == "BAD"


def test_how_many_things_there_are_to_mend(redis_server):
    assert "things to mend." in consult()


def test_actions_that_nobody_takes(server, redis_server, clock):
    assert diagnosis.actions().well
    asked = clock() - timedelta(days=1000)
    Action.objects.create(server=server, type="stop", requested_at=asked, deadline=asked)
    finding = diagnosis.actions()
    assert not finding.well
    assert "queue `actions`" in finding.remedy
