"""Who did what to a server, as its page tells it."""

import pytest

from accounts.audit import SYSTEM
from servers import ownership
from servers.models import Action
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def acted_on(make_server, make_action, alice, staff):
    """Alice's server, with one action of hers and one of the staff."""
    server = make_server(alice)
    make_action(server, ended=60, person=alice)
    make_action(server, "reboot", ended=30, person=staff, by_staff=True)
    return server


def test_tells_who_what_whence_how_long_and_how_it_ended(browser_of, alice, acted_on):
    text = text_of(browser_of(alice).get(f"/servers/{acted_on.pk}/history/"))
    assert "Restart staff Web page 12 s Restarted." in text
    assert "Start you Web page 12 s Started." in text


def test_customers_are_not_told_which_of_the_staff(browser_of, alice, staff, acted_on):
    for path in ("history/", ""):
        address = f"/servers/{acted_on.pk}/{path}"
        assert staff.email not in text_of(browser_of(alice).get(address))
    assert alice.email in text_of(browser_of(staff).get(f"/servers/{acted_on.pk}/history/"))


def test_nor_who_had_the_server_before(browser_of, alice, bob, acted_on, clock):
    ownership.assign([acted_on], bob, actor=SYSTEM, now=clock())
    text = text_of(browser_of(bob).get(f"/servers/{acted_on.pk}/history/"))
    assert alice.email not in text
    assert "a former owner" in text


def test_is_paged_and_costs_the_same(
    browser_of,
    alice,
    make_server,
    make_action,
    django_assert_max_num_queries,
):
    server = make_server(alice)
    for number in range(60):
        make_action(server, ended=number + 1, person=alice)
    client = browser_of(alice)
    with django_assert_max_num_queries(16):
        assert len(client.get(f"/servers/{server.pk}/history/").context["actions"]) == 50
    assert len(client.get(f"/servers/{server.pk}/history/?page=2").context["actions"]) == 10
    with django_assert_max_num_queries(14):
        assert len(client.get(f"/servers/{server.pk}/").context["recent"]) == 10


def test_staff_read_all_of_them_on_their_site(browser_of, staff, acted_on):
    site = browser_of(staff)
    path = "/admin/servers/action/"
    assert "2 actions" in text_of(site.get(f"{path}?server__cluster__id__exact=1"))
    assert "1 action" in text_of(site.get(f"{path}?q=alice@example.com"))
    for query in (
        "status__exact=success",
        "type__exact=reboot",
        "source__exact=web",
        "staff=yes",
    ):
        assert site.get(f"{path}?{query}").status_code == 200
    page = site.get(f"{path}{Action.objects.earliest('pk').pk}/change/")
    assert "Started." in text_of(page)
    assert site.post(f"{path}add/").status_code == 403
    assert site.get("/admin/servers/consolesession/").status_code == 200
