import pytest

from accounts.models import User
from tests.conftest import PASSWORDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def sign_in(client):
    def run(email="alice@example.com", password=None, next=""):
        body = {"username": email, "password": password or PASSWORDS["alice@example.com"]}
        return client.post(f"/sign-in/{next}", body)

    return run


def test_it_works(sign_in, alice, client):
    answer = sign_in()
    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/").status_code == 200


def test_in_any_case(sign_in, alice):
    assert sign_in(" Alice@Example.com ").status_code == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.com", "wrong"), ("nobody@example.com", "correct horse")],
)
def test_a_wrong_one_and_an_unknown_one_are_told_alike(sign_in, alice, email, password):
    answer = sign_in(email, password)
    assert answer.status_code == 200
    assert b"No such person, or another password." in answer.content


def test_somebody_who_was_disabled(sign_in, alice):
    User.objects.update(is_active=False)
    assert b"No such person, or another password." in sign_in().content


def test_back_to_where_one_was(sign_in, alice):
    assert sign_in(next="?next=/servers/5/").url == "/servers/5/"


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_but_not_to_another_site(sign_in, alice, next):
    assert sign_in(next=f"?next={next}").url == "/"


def test_too_many_wrong_passwords_close_the_door(sign_in, alice):
    for _ in range(10):
        answer = sign_in(password="wrong")
    assert answer.status_code == 429
    assert sign_in().status_code == 429


def test_signing_out_is_a_post(client, alice, sign_in):
    sign_in()
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/").status_code == 302


def test_two_people_never_differ_by_case_alone(alice):
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        User.objects.create_user("ALICE@EXAMPLE.COM", "x")


def test_the_session_is_new_after_signing_in(client, alice, sign_in):
    client.get("/sign-in/")
    before = client.session.session_key
    sign_in()
    assert client.session.session_key != before
