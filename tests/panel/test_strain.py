"""Who is told of overload, in which words, and what they say to do."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from accounts import audit
from panel import desk, diagnosis, strain
from servers.models import Cluster

pytestmark = pytest.mark.django_db

SLOW = {"last_cycle_seconds": 41.2, "last_cycle_lag": 11.0}
WAITING = {"last_cycle_seconds": 2.0, "last_cycle_lag": 44.0}
RECOVERING = {"last_cycle_seconds": 2.0, "last_cycle_lag": 0.1}
FRESH = "2100-01-01T00:00:00Z"


@pytest.fixture
def strained(polled, clock):
    """The cluster at an overload level, with these numbers."""

    def make(level=1, **numbers):
        Cluster.objects.update(overload_level=level, overload_since=clock(), **numbers)
        return Cluster.objects.get()

    return make


@pytest.mark.parametrize(
    ("numbers", "words", "remedy"),
    [
        (SLOW, "overloaded, level 1: a cycle takes 41 s of 30", "Proxmox or the database"),
        (
            WAITING,
            "overloaded, level 1: cycles begin 44 s late",
            "more workers for the queue poll",
        ),
        (RECOVERING, "overloaded, level 1, and recovering", ""),
    ],
)
def test_what_is_the_matter_and_what_to_do(strained, numbers, words, remedy):
    cluster = strained(**numbers)
    assert strain.words(cluster) == words
    assert remedy in strain.remedy(cluster)
    assert bool(strain.remedy(cluster)) == bool(remedy)


def test_a_cluster_that_keeps_up_has_no_words(strained):
    cluster = strained(level=0, **SLOW)
    assert (strain.words(cluster), strain.remedy(cluster)) == ("", "")


def test_the_start_page_says_it(strained, clock, browser_of, staff):
    strained(level=2, last_cycle_at=FRESH, **WAITING)
    matter = next(each for each in desk.matters(clock()) if each.key == "clusters")
    assert (matter.count, matter.weight) == (1, desk.Weight.WARNING)
    assert matter.lines[0].at == clock()
    page = browser_of(staff).get("/admin/").content.decode()
    assert "overloaded, level 2: cycles begin 44 s late. Start more workers" in page


def test_beside_another_warning(strained, clock):
    strained(warning="A privilege is missing", **RECOVERING)
    matter = next(each for each in desk.matters(clock()) if each.key == "clusters")
    assert matter.lines[0].words == "A privilege is missing; overloaded, level 1, and recovering"


def test_what_fails_stands_before_it(strained, clock):
    strained(failure="unreachable", failure_message="No route", failing_since=clock(), **SLOW)
    matter = next(each for each in desk.matters(clock()) if each.key == "clusters")
    assert "overloaded" not in matter.lines[0].words
    assert matter.weight == desk.Weight.CRITICAL


def test_the_doctor_says_it_in_english(strained, redis_server):
    strained(last_cycle_at=FRESH, **WAITING)
    out = io.StringIO()
    with translation.override("ru"), pytest.raises(CommandError):
        call_command("doctor", stdout=out)
    assert "is overloaded, level 1: cycles begin 44 s late." in out.getvalue()
    assert "more workers for the queue poll" in out.getvalue()
    assert "docs/production.md, Overload" in out.getvalue()


def test_it_is_well_again_by_itself(strained, clock):
    cluster = strained(level=0, last_cycle_at=FRESH)
    assert diagnosis.cluster_health(cluster, clock()).well


def test_the_cluster_s_page_has_the_numbers(strained, browser_of, staff, polled):
    strained(last_cycle_at=FRESH, **WAITING)
    site = browser_of(staff)
    page = site.get(f"/admin/servers/cluster/{polled.pk}/change/").content.decode()
    for word in ("overloaded", "Overload level", "44.0"):
        assert word in page
    assert "overloaded" in site.get("/admin/servers/cluster/").content.decode()


def test_the_audit_log_has_words_for_it(browser_of, staff, polled, clock):
    for event in ("cluster.overloaded", "cluster.relieved"):
        audit.record(
            event, actor=audit.SYSTEM, now=clock(), object_type="cluster", object_id=polled.pk
        )
    page = browser_of(staff).get("/admin/accounts/auditentry/").content.decode()
    assert "cluster overloaded" in page
    assert "cluster less overloaded" in page
