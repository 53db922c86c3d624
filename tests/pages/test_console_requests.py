"""What owner and support see of a console that is asked for."""

from datetime import UTC, datetime

import pytest

from accounts.audit import SYSTEM
from accounts.models import User
from servers import ownership
from servers.models import ConsoleRequest
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def support(db):
    return User.objects.create_user(
        "support@example.com", "long enough", role="support", first_name="Sam"
    )


@pytest.fixture
def asking(browser_of, support, alice, make_server):
    server = make_server(alice, "web")
    client = browser_of(support)
    answer = client.post(f"/servers/{server.pk}/console/requests/", {"reason": "no boot"})
    assert answer.status_code == 303
    return server


def test_support_is_led_to_asking(browser_of, support, alice, make_server):
    server = make_server(alice, "web")
    client = browser_of(support)
    assert client.get(f"/servers/{server.pk}/console/").url.endswith("/console/requests/")
    page = client.post(f"/servers/{server.pk}/console/requests/", {"reason": " "})
    assert page.status_code == 400
    assert "This field is required." in text_of(page)


def test_the_owner_sees_it_everywhere_and_is_told_no_address(asking, browser_of, alice):
    client = browser_of(alice)
    for path in ("/", f"/servers/{asking.pk}/"):
        assert "The staff ask to be let onto a console: web" in text_of(client.get(path)), path
    page = text_of(client.get(f"/servers/{asking.pk}/"))
    assert "Sam of the staff asks to be let onto the console" in page
    assert "no boot" in page
    assert "support@example.com" not in page
    assert "Sam of the staff" in text_of(client.get(f"/servers/{asking.pk}/history/"))


def test_the_owner_allows_it_and_takes_it_back(asking, browser_of, alice, support):
    client, asked = browser_of(alice), ConsoleRequest.objects.get()
    address = f"/servers/{asking.pk}/console/requests/{asked.pk}/"
    fetched = {"headers": {"X-Requested-With": "fetch"}}
    page = client.post(address, {"answer": "allow"}, **fetched)
    assert (page.status_code, "Take it back" in text_of(page)) == (200, True)
    assert "You may open the console" in text_of(browser_of(support).get(f"/servers/{asking.pk}/"))
    assert browser_of(support).get(f"/servers/{asking.pk}/console/").status_code == 200
    assert client.post(address, {"answer": "allow"}, **fetched).status_code == 200
    assert client.post(address, {"answer": "deny"}, **fetched).status_code == 422
    assert client.post(address, {"answer": "end"}).status_code == 302
    assert browser_of(support).get(f"/servers/{asking.pk}/console/").status_code == 302
    assert client.post(address, {"answer": "maybe"}).status_code == 400


def test_nobody_in_the_owners_place_is_offered_the_word(asking, browser_of, alice, staff):
    client = browser_of(staff)
    client.post("/acting/begin/", {"user_pk": alice.pk})
    page = client.get(f"/servers/{asking.pk}/").content.decode()
    assert 'value="allow"' not in page
    assert "That is for the server's owner to say." in page
    assert 'value="allow"' in browser_of(alice).get(f"/servers/{asking.pk}/").content.decode()


def test_the_next_owner_does_not_read_what_the_one_before_was_asked(
    asking, browser_of, alice, bob, staff
):
    reason = ConsoleRequest.objects.get().reason
    pages = [f"/servers/{asking.pk}/history/", f"/api/v1/servers/{asking.pk}/console-requests/"]
    for path in pages:
        assert reason in browser_of(alice).get(path).content.decode()
    ownership.assign([asking], bob, actor=SYSTEM, now=datetime.now(UTC))
    for path in [*pages, f"/servers/{asking.pk}/console/requests/"]:
        assert reason not in browser_of(bob).get(path).content.decode()
        assert reason in browser_of(staff).get(path).content.decode()
