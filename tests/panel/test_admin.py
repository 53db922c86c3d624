"""The staff site: what staff do there, and that Proxmox is never called while a page renders."""

import pytest

from accounts.models import AuditEntry
from servers.models import Cluster, ClusterToken, Server

pytestmark = pytest.mark.django_db

PAGES = [
    "",
    "servers/cluster/",
    "servers/cluster/add/",
    "servers/node/",
    "servers/server/",
    "servers/server/?owned=no",
    "servers/server/?q=web",
    "servers/server/?status__exact=running",
    "accounts/user/",
    "accounts/user/add/",
    "accounts/auditentry/",
    "accounts/apisession/",
]


@pytest.fixture
def site(browser_of, staff):
    return browser_of(staff)


@pytest.mark.parametrize("page", PAGES)
def test_pages_show_and_ask_proxmox_nothing(page, site, server, wire):
    wire.requests.clear()
    assert site.get(f"/admin/{page}").status_code == 200
    assert wire.requests == []


def test_pages_of_single_objects(site, server, wire):
    wire.requests.clear()
    node = server.node_id
    for page in (
        f"servers/cluster/{server.cluster_id}/change/",
        f"servers/server/{server.pk}/change/",
        f"servers/node/{node}/change/",
        f"accounts/user/{server.owner_id}/change/",
    ):
        assert site.get(f"/admin/{page}").status_code == 200, page
    assert wire.requests == []


class TestClusters:
    def test_health_and_why(self, site, polled):
        Cluster.objects.update(failure="denied", failure_message="The token was not accepted.")
        page = site.get("/admin/servers/cluster/").content.decode()
        assert "access denied" in page
        assert "The token was not accepted." in page

    def form(self, **changes):
        return {
            "name": "ams1", "enabled": "on", "ca_pem": "",
            "endpoints-TOTAL_FORMS": "1", "endpoints-INITIAL_FORMS": "0",
            "endpoints-0-host": "pve9.example.com", "endpoints-0-port": "8006",
            "endpoints-0-position": "0", "endpoints-0-fingerprint": "",
            "tokens-TOTAL_FORMS": "1", "tokens-INITIAL_FORMS": "0",
            "tokens-0-purpose": "read", "tokens-0-token_id": "panel@pve!panel",
            "tokens-0-secret": "0b54cb17-canary-4d66-9a53-5e9a9e9f5f4a",
        } | changes  # fmt: skip

    def test_one_is_added_and_checked_beside_the_page(
        self, site, wire, sent, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            answer = site.post("/admin/servers/cluster/add/", self.form())
        assert answer.status_code == 302
        cluster = Cluster.objects.get(name="ams1")
        assert cluster.tokens.get().secret.startswith("0b54cb17")
        assert wire.requests == []
        assert [(m.name, m.arguments) for m in sent] == [
            ("servers.check_cluster", {"cluster_id": cluster.pk}),
            ("monitoring.poll_cluster", {"cluster_id": cluster.pk}),
        ]
        entry = AuditEntry.objects.get(event="cluster.added")
        assert entry.actor_email == "staff@example.com"
        assert "canary" not in str(entry.details)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"endpoints-0-host": "not a host"}, "no address like"),
            ({"endpoints-0-fingerprint": "AB:CD"}, "32 bytes"),
            ({"tokens-0-token_id": "panel"}, "looks like panel@pve!panel"),
            ({"tokens-0-secret": ""}, "missing or no secret"),
            ({"ca_pem": "no certificate"}, "no PEM"),
        ],
    )
    def test_what_cannot_be_right_is_said_and_nothing_is_lost(self, site, wire, changes, words):
        answer = site.post("/admin/servers/cluster/add/", self.form(**changes))
        page = answer.content.decode()
        assert answer.status_code == 200
        assert words in page.replace("&#x27;", "'")
        assert "ams1" in page
        assert not Cluster.objects.exists()

    def test_a_secret_goes_in_and_never_comes_out(self, site, cluster, credentials):
        page = site.get(f"/admin/servers/cluster/{cluster.pk}/change/").content.decode()
        assert credentials.token_id in page
        assert credentials.secret not in page

    def test_left_empty_the_stored_secret_stays(self, site, cluster, credentials):
        token, endpoint = cluster.tokens.get(), cluster.endpoints.get()
        form = self.form(
            **{
                "endpoints-INITIAL_FORMS": "1", "endpoints-0-id": endpoint.pk,
                "endpoints-0-cluster": cluster.pk, "tokens-INITIAL_FORMS": "1",
                "tokens-0-id": token.pk, "tokens-0-cluster": cluster.pk, "tokens-0-secret": "",
            }
        )  # fmt: skip
        answer = site.post(f"/admin/servers/cluster/{cluster.pk}/change/", form)
        assert answer.status_code == 302
        assert ClusterToken.objects.get().secret == credentials.secret
        assert Cluster.objects.get().name == "ams1"

    def test_one_with_servers_is_not_deleted(self, site, polled):
        assert site.get(f"/admin/servers/cluster/{polled.pk}/delete/").status_code == 403


class TestServers:
    def test_an_owner_is_assigned_singly(self, site, server, bob):
        before = server.owner_id
        form = {"name": server.name, "owner": bob.pk}
        assert site.post(f"/admin/servers/server/{server.pk}/change/", form).status_code == 302
        server.refresh_from_db()
        assert server.owner == bob
        entry = AuditEntry.objects.filter(event="server.assigned").latest("id")
        assert entry.details == {"from": before, "to": bob.pk}
        assert entry.source == "admin"

    def test_and_in_bulk(self, site, server, bob):
        chosen = list(Server.objects.filter(present=True).values_list("pk", flat=True))
        form = {"action": "assign_owner", "_selected_action": chosen}
        asked = site.post("/admin/servers/server/", form)
        assert asked.status_code == 200
        assert b"Assign an owner" in asked.content
        assert Server.objects.filter(owner=bob).count() == 0
        done = site.post(
            "/admin/servers/server/",
            {**form, "owner": "Bob@example.com", "assign": "1"},
            follow=True,
        )
        assert f"{len(chosen)} servers changed hands." in done.content.decode()
        assert Server.objects.filter(owner=bob).count() == len(chosen)

    def test_to_nobody(self, site, server):
        form = {"action": "assign_owner", "_selected_action": [server.pk], "assign": "1"}
        site.post("/admin/servers/server/", {**form, "owner": ""})
        server.refresh_from_db()
        assert server.owner is None

    def test_the_name_is_ours_and_is_kept(self, site, server, pass_cycle):
        form = {"name": "Alice's shop", "owner": server.owner_id}
        site.post(f"/admin/servers/server/{server.pk}/change/", form)
        pass_cycle()
        server.refresh_from_db()
        assert server.name == "Alice's shop"
        assert server.guest_name != "Alice's shop"
        entry = AuditEntry.objects.get(event="server.renamed")
        assert entry.details["to"] == "Alice's shop"

    def test_none_is_added_or_deleted_by_hand(self, site, server):
        assert site.get("/admin/servers/server/add/").status_code == 403
        assert site.get(f"/admin/servers/server/{server.pk}/delete/").status_code == 403

    def test_a_constant_number_of_queries(
        self, site, polled, pass_cycle, world, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(16):
            site.get("/admin/servers/server/")
        for number in range(20):
            world.create_guest(name=f"more{number}", uptime=600)
        pass_cycle()
        with django_assert_max_num_queries(16):
            site.get("/admin/servers/server/")

    def test_hostile_names_are_text(self, site, server):
        Server.objects.filter(pk=server.pk).update(guest_name="<script>alert(1)</script>")
        page = site.get("/admin/servers/server/").content.decode()
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


class TestPeople:
    def test_one_is_added(self, site):
        form = {
            "email": "Carol@Example.com", "usable_password": "true",
            "password1": "a long enough one", "password2": "a long enough one",
        }  # fmt: skip
        assert site.post("/admin/accounts/user/add/", form).status_code == 302
        from accounts.models import User

        assert User.objects.filter(email="carol@example.com", is_staff=False).exists()

    @pytest.mark.parametrize("page", ["accounts/auditentry/add/", "accounts/apisession/add/"])
    def test_logs_are_not_written_by_hand(self, site, page):
        assert site.get(f"/admin/{page}").status_code == 403
