"""The snapshot that pages offer before a restart and a new password."""

import pytest

from servers.models import Action
from snapshots.models import Snapshot
from tests.conftest import PASSWORDS
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db

FETCHED = {"X-Requested-With": "fetch"}


class TestBeforeAChange:
    @pytest.fixture
    def client(self, browser_of, alice):
        return browser_of(alice)

    def restart(self, client, server, **form):
        body = {"type": "reboot", "key": "k1", **form}
        return client.post(f"/servers/{server.pk}/actions/", body)

    def test_a_restart_takes_one_first(self, client, server, worker, guest):
        asked = text_of(client.get(f"/servers/{server.pk}/actions/?type=reboot"))
        assert "Take a snapshot first, deleted after 24 h" in asked
        assert self.restart(client, server, snapshot_first="on").status_code == 303
        worker.run(60)
        assert Action.objects.get().status == "success"
        safety = Snapshot.objects.get()
        assert (safety.origin, safety.name in guest.snapshots) == ("safety", True)
        assert safety.expires_at is not None

    def test_without_the_box_none_is_taken(self, client, server, worker):
        self.restart(client, server)
        assert not Snapshot.objects.exists()

    def test_why_not_is_said(self, client, server, known):
        known(can_take=False)
        asked = text_of(client.get(f"/servers/{server.pk}/actions/?type=reboot"))
        assert "No snapshot can be taken first" in asked
        body = {"type": "reboot", "key": "k1", "snapshot_first": "on"}
        answer = client.post(f"/servers/{server.pk}/actions/", body, headers=FETCHED)
        assert answer.status_code == 422
        assert 'data-error="The storage of its disks has no snapshots."' in answer.content.decode()
        assert not Action.objects.exists()

    def reset(self, client, server, **form):
        body = {"username": "root", "way": "agent", "kind": "generated", "key": "k1",
                "current_password": PASSWORDS["alice@example.com"], **form}  # fmt: skip
        return client.post(f"/servers/{server.pk}/password/", body)

    def test_a_new_password_takes_one_first(self, client, server, worker, looked):
        looked()
        page = client.get(f"/servers/{server.pk}/password/")
        assert "Take a snapshot first, deleted after 24 h" in text_of(page)
        assert self.reset(client, server, snapshot_first="on").status_code == 200
        assert Snapshot.objects.get().title == "Before: Reset password"
        assert Action.objects.get().plan == ["agent"]

    def test_where_none_can_be_taken_no_password_is_set(self, client, server, looked, known):
        looked()
        known(can_take=False)
        page = client.get(f"/servers/{server.pk}/password/")
        assert "No snapshot can be taken first" in text_of(page)
        answer = self.reset(client, server, snapshot_first="on")
        assert answer.status_code == 400
        assert "has no snapshots" in text_of(answer)
        assert not Action.objects.exists()

    def test_a_shutdown_is_not_offered_one(self, client, server):
        asked = text_of(client.get(f"/servers/{server.pk}/actions/?type=shutdown"))
        assert "snapshot" not in asked.partition("What runs on it ends.")[2].partition("©")[0]
