"""Renaming, labelling, noting, protecting and deleting by the pages."""

import pytest

from accounts.models import AuditEntry
from servers.models import Action, Label, Server
from tests.pages.reading import text_of
from tests.pages.test_list import names_of

pytestmark = pytest.mark.django_db


def save(client, server, **changes):
    form = {"name": server.name, "labels": "", "notes": "", "protected": "on", **changes}
    return client.post(f"/servers/{server.pk}/settings/", form)


def delete(client, server, key="k1", **form):
    return client.post(f"/servers/{server.pk}/delete/", {"key": key, **form})


class TestAbout:
    def test_a_server_gets_a_name_labels_and_notes(self, browser_of, alice, make_server):
        server = make_server(alice)
        client = browser_of(alice)
        form = {"name": "  shop ", "labels": "env=prod\r\nweb, team=a b", "notes": "one\r\ntwo"}
        answer = save(client, server, **form)
        assert answer.status_code == 303
        server.refresh_from_db()
        assert (server.name, server.notes, server.protected) == ("shop", "one\ntwo", True)
        labels = {str(label) for label in Label.objects.filter(server=server)}
        assert labels == {"env=prod", "web", "team=a b"}
        page = client.get(answer.url)
        assert "Saved." in text_of(page)
        assert "env=prod\nteam=a b\nweb</textarea>" in page.content.decode()

    def test_what_is_wrong_is_said_and_nothing_is_lost(self, browser_of, alice, make_server):
        server = make_server(alice, "web")
        answer = save(browser_of(alice), server, name="other", labels="=nothing", notes="kept")
        assert answer.status_code == 400
        assert "cannot be a key" in text_of(answer)
        assert "kept</textarea>" in answer.content.decode()
        assert Server.objects.get(pk=server.pk).name == "web"

    @pytest.mark.parametrize("labels", ["Env\nenv", "cafe, café", "a=1\na=2"])
    def test_keys_that_some_database_takes_for_one_are_refused(
        self, labels, browser_of, alice, make_server
    ):
        assert save(browser_of(alice), make_server(alice), labels=labels).status_code == 400

    def test_what_stays_is_not_written_down(self, browser_of, alice, make_server):
        server = make_server(alice)
        Server.objects.filter(pk=server.pk).update(protected=True)
        save(browser_of(alice), server)
        assert not AuditEntry.objects.filter(object_type="server").exists()

    def test_only_staff_see_the_name_in_proxmox(self, browser_of, alice, staff, make_server):
        server = make_server(alice)
        Server.objects.filter(pk=server.pk).update(guest_name="in-proxmox")
        path = f"/servers/{server.pk}/settings/"
        assert "in-proxmox" in text_of(browser_of(staff).get(path))
        assert "in-proxmox" not in text_of(browser_of(alice).get(path))


class TestLabels:
    @pytest.fixture
    def labelled(self, alice, make_server):
        for name, key, value in (("a", "env", "prod"), ("b", "env", "test"), ("c", "web", "")):
            Label.objects.create(server=make_server(alice, name), key=key, value=value)

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("label=env", ["a", "b"]),
            ("label=env%3Dprod", ["a"]),
            ("label=web", ["c"]),
            ("label=env%3Dprod&q=b", []),
            ("label=%3D%00", ["a", "b", "c"]),
        ],
    )
    def test_filter_the_list(self, query, names, labelled, browser_of, alice):
        assert names_of(browser_of(alice).get(f"/?{query}")) == names

    def test_the_filter_is_shown_with_a_way_out(self, labelled, browser_of, alice):
        response = browser_of(alice).get("/?label=env%3Dprod&sort=cpu")
        (chosen,) = [each for each in response.context["labels"] if each["is_chosen"]]
        assert (chosen["text"], chosen["address"]) == ("env=prod", "/?sort=cpu")
        assert "Take this filter away" in text_of(response)
        running = next(f for f in response.context["filters"] if f["status"] == "running")
        assert running["count"] == 1
        assert "label=env%3Dprod" in running["address"]

    def test_one_that_no_server_bears_has_a_way_out_too(self, labelled, browser_of, alice):
        response = browser_of(alice).get("/?label=team&sort=cpu")
        assert "Only with the label team" in text_of(response)
        assert response.context["without_label"] == "/?sort=cpu"

    def test_a_row_leads_to_its_like(self, labelled, browser_of, alice):
        assert 'href="?label=env%3Dprod"' in browser_of(alice).get("/").content.decode()

    def test_the_api_is_asked_for_the_same(self, labelled, browser_of, alice):
        client = browser_of(alice)
        url = client.get("/?label=env%3Dprod").context["refresh_url"]
        assert [server["name"] for server in client.get(url).json()["results"]] == ["a"]

    def test_nothing_found_says_so(self, labelled, browser_of, alice):
        text = text_of(browser_of(alice).get("/?label=nowhere"))
        assert "No server has this label." in text


class TestDeleting:
    def test_with_the_name_typed_and_powered_off_first(self, browser_of, alice, make_server):
        server = make_server(alice, "web")
        client = browser_of(alice)
        answer = delete(client, server, confirm="web", stop_first="on")
        assert (answer.status_code, answer.url) == (303, "/")
        action = Action.objects.get()
        assert (action.type, action.step) == ("delete", "stop")
        text = text_of(client.get("/"))
        assert "web is being deleted." in text
        assert "Powering off, to delete it…" in text

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ({"confirm": "Web", "stop_first": "on"}, "exactly as it is shown"),
            ({"confirm": "", "stop_first": "on"}, "This field is required."),
            ({"confirm": "web"}, "It is running."),
        ],
    )
    def test_otherwise_says_why_not(self, form, said, browser_of, alice, make_server):
        answer = delete(browser_of(alice), make_server(alice, "web"), **form)
        assert answer.status_code in (400, 422)
        assert said in text_of(answer)
        assert not Action.objects.exists()

    def test_an_address_alone_deletes_nothing(self, browser_of, alice, make_server):
        server = make_server(alice, status="stopped")
        answer = browser_of(alice).get(f"/servers/{server.pk}/delete/")
        assert answer.url == f"/servers/{server.pk}/settings/"
        assert not Action.objects.exists()

    def test_a_protected_server_stays(self, browser_of, alice, make_server):
        server = make_server(alice, "web", status="stopped")
        Server.objects.filter(pk=server.pk).update(protected=True)
        client = browser_of(alice)
        page = text_of(client.get(f"/servers/{server.pk}/settings/"))
        assert "It cannot be deleted now: It is protected." in page
        assert "Delete it for good" not in page
        assert delete(client, server, confirm="web").status_code == 422
        assert not Action.objects.exists()

    def test_can_be_the_staffs_alone(self, browser_of, alice, staff, make_server, settings):
        settings.CUSTOMERS_MAY_DELETE = False
        server = make_server(alice, "web", status="stopped")
        page = text_of(browser_of(alice).get(f"/servers/{server.pk}/settings/"))
        assert "the administrators do that here." in page
        assert delete(browser_of(alice), server, confirm="web").status_code == 403
        assert not Action.objects.exists()
        assert delete(browser_of(staff), server, confirm="web").status_code == 303

    def test_twice_with_one_form_acts_once(self, browser_of, alice, make_server):
        server = make_server(alice, "web", status="stopped")
        for _ in range(2):
            assert delete(browser_of(alice), server, confirm="web").status_code == 303
        assert Action.objects.count() == 1


def test_staff_write_labels_and_notes_on_their_site(browser_of, staff, alice, make_server):
    server = make_server(alice)
    form = {"name": "new", "owner": alice.pk, "labels": "env=prod", "notes": "n", "protected": ""}
    answer = browser_of(staff).post(f"/admin/servers/server/{server.pk}/change/", form)
    assert answer.status_code == 302
    server.refresh_from_db()
    assert (server.name, server.notes, server.protected) == ("new", "n", False)
    assert [str(label) for label in server.labels.all()] == ["env=prod"]
