"""What stands around every page: navigation, banners, errors."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import permission_denied, server_error

from tests.pages.reading import text_of


def test_the_way_to_sign_in(client, alice):
    response = client.get("/", follow=True)
    text = text_of(response)
    assert "Sign in to Panel" in text
    assert "Mail address" in text
    assert 'name="next" value="/"' in response.content.decode()


def test_a_wrong_password_is_told_once_and_for_all_alike(client, alice):
    answers = [
        client.post("/sign-in/", {"username": name, "password": "wrong"})
        for name in ("alice@example.com", "nobody@example.com")
    ]
    for answer in answers:
        assert "No such person, or another password." in text_of(answer)
        assert 'role="alert"' in answer.content.decode()


def test_too_many_wrong_passwords_have_a_page(client, alice, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/sign-in/", {"username": alice.email, "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in text_of(answer)


def test_navigation_knows_who_is_there(browser_of, alice, staff):
    assert "Admin" not in text_of(browser_of(alice).get("/"))
    assert "Admin" in text_of(browser_of(staff).get("/"))
    assert 'action="/sign-out/"' in browser_of(alice).get("/").content.decode()


def test_customers_hear_since_when_numbers_stand_still_but_not_of_clusters(
    browser_of, alice, make_server, fresh_cluster
):
    make_server(alice)
    fresh_cluster.last_cycle_at = datetime(2020, 1, 5, 14, 3, tzinfo=UTC)
    fresh_cluster.failure = "unreachable"
    fresh_cluster.failure_message = "No route to 10.0.0.7"
    fresh_cluster.save()
    response = browser_of(alice).get("/")
    text = text_of(response)
    assert "The numbers of some servers have not been updated since 5 Jan 2020, 14:03" in text
    assert 'datetime="2020-01-05T14:03:00+00:00"' in response.content.decode()
    assert "fra1" not in text
    assert "10.0.0.7" not in text


def test_staff_hear_which_cluster_and_why(browser_of, staff, fresh_cluster):
    fresh_cluster.last_cycle_at = None
    fresh_cluster.failure = "unreachable"
    fresh_cluster.failure_message = "No route to <10.0.0.7>"
    fresh_cluster.save()
    response = browser_of(staff).get("/")
    assert "fra1 : not reachable (No route to <10.0.0.7>)" in text_of(response)
    assert f"/admin/servers/cluster/{fresh_cluster.pk}/change/" in response.content.decode()


def test_no_banner_while_all_is_fresh(browser_of, alice, make_server):
    make_server(alice)
    assert "have not been updated" not in text_of(browser_of(alice).get("/"))


def test_an_old_form_has_a_page(alice):
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": alice.email})
    assert answer.status_code == 403
    assert "The form has grown old" in text_of(answer)


def test_what_is_forbidden_has_a_page(rf, alice):
    request = rf.get("/")
    request.user = alice
    assert "This is not allowed" in text_of(permission_denied(request, Exception()))


def test_a_failure_has_a_page_that_needs_nothing():
    response = server_error(RequestFactory().get("/"))
    assert response.status_code == 500
    assert "Something went wrong" in text_of(response)


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/nowhere/"])
def test_no_script_or_style_stands_in_a_page(path, browser_of, alice, client, make_server):
    """The policy would not run them: a page that needs one is broken."""
    make_server(alice)
    page = (client if path == "/sign-in/" else browser_of(alice)).get(path).content.decode()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)
    for attributes in re.findall(r"<script([^>]*)>", page):
        assert "src=" in attributes or 'type="application/json"' in attributes


def test_pages_of_a_person_are_not_kept_by_the_browser(browser_of, alice):
    assert "no-store" in browser_of(alice).get("/")["Cache-Control"]
