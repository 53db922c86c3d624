"""Wrong passwords are counted by person, however the address is spelt."""

import pytest
from axes.helpers import get_client_username
from django.test import RequestFactory

pytestmark = pytest.mark.django_db

ADDRESS = "staff@example.com"


def spellings(count):
    """Of one address, all different."""
    for number in range(count):
        upper = {place for place in range(10) if number >> place & 1}
        yield "".join(c.upper() if i in upper else c for i, c in enumerate(ADDRESS))


@pytest.mark.parametrize("path", ["/admin/login/", "/sign-in/"])
def test_another_case_is_no_other_door(client, staff, path):
    answers = [
        client.post(path, {"username": name, "password": "wrong"}).status_code
        for name in spellings(12)
    ]
    assert answers[-1] == 429
    right = client.post(path, {"username": ADDRESS, "password": "tr0ubador &3"})
    assert right.status_code == 429


def test_the_right_password_in_any_case_forgets_the_wrong_ones(client, staff):
    for name in spellings(9):
        client.post("/admin/login/", {"username": name, "password": "wrong"})
    body = {"username": ADDRESS.upper(), "password": "tr0ubador &3"}
    assert client.post("/admin/login/", body).status_code == 302
    client.logout()
    for name in spellings(9):
        answer = client.post("/admin/login/", {"username": name, "password": "wrong"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "credentials", "name"),
    [
        ({}, {"username": " Staff@Example.COM "}, ADDRESS),
        ({"username": "STAFF@example.com"}, None, ADDRESS),
        ({"username": "other@example.com"}, {"username": ADDRESS}, ADDRESS),
        ({}, {"password": "x"}, None),
        ({}, {"username": None}, None),
        ({}, None, None),
    ],
)
def test_where_the_name_comes_from(form, credentials, name):
    assert get_client_username(RequestFactory().post("/", form), credentials) == name
