"""The pages of a server's snapshots: what they offer, say and do."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from servers.models import Action, Server
from snapshots.models import Snapshot
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db

FETCHED = {"X-Requested-With": "fetch"}
HOSTILE = "<script>alert('x')</script> \u05d0\u05d1\u05d2"


def shown(response):
    """The titles of the tree, from above."""
    rows = re.findall(r'<p class="shot-title">(.*?)</p>', response.content.decode())
    return [re.sub(r"</?bdi>", "", row) for row in rows]


def why(response, key):
    """Why that button cannot be pressed; None where it can."""
    html = response.content.decode()
    button = re.search(rf'<button[^>]*data-key="{key}"[^>]*>', html)[0]
    if "aria-disabled" not in button:
        return None
    tip = re.search(r'aria-describedby="([^"]+)"', button)[1]
    return re.search(rf'id="{tip}">([^<]*)<', html)[1]


class TestTree:
    def test_of_two_branches_with_the_present(self, page, kept, known):
        first = kept("First", days=3)
        kept("Second", days=2, parent=first.name)
        kept("Other", days=1, parent=first.name)
        known(present="Second")
        response = page.get()
        assert shown(response) == ["First", "Second", "You are here", "Other"]
        assert "follows “ Other" not in text_of(response)
        assert "follows “ First ”" in text_of(response)

    def test_without_any(self, page, known):
        known()
        assert "There are no snapshots." in text_of(page.get())

    def test_before_it_was_read_nothing_is_claimed(self, page, server):
        said = text_of(page.get())
        assert "Being read from the host" in said
        assert "There are no snapshots." not in said

    def test_where_each_comes_from(self, page, kept, known):
        kept("s", origin="schedule", schedule_kind="daily", name="auto-daily-20261119-0300")
        kept("b", origin="safety", expires_at=datetime.now(UTC) + timedelta(hours=5, minutes=1))
        kept("o", origin="outside", with_memory=True)
        known()
        said = text_of(page.get())
        for words in ("by schedule: every day", "deleted in 5 h", "made in Proxmox"):
            assert words in said
        assert "with memory" in said

    def test_what_was_left_half_way_is_said(self, page, kept, known):
        broken = kept("Half", state="prepare")
        known()
        response = page.get()
        assert "Delete it." in text_of(response)
        assert why(response, f"roll-back-{broken.pk}").startswith("It is not whole")
        assert why(response, f"delete-{broken.pk}") is None

    def test_old_ones_are_pointed_out(self, page, kept, known):
        kept("Young", days=13)
        kept("Old", days=15)
        known()
        said = text_of(page.get())
        assert "1 is older than 14 days" in said
        assert said.count("old: it slows the server") == 1

    def test_hostile_text_is_text(self, page, kept, known):
        kept(HOSTILE, description=HOSTILE * 20, name="x")
        known()
        for part in ("", "pieces/"):
            html = page.get(part).content.decode()
            assert "<script>alert" not in html
            assert "<bdi>&lt;script&gt;" in html

    def test_only_staff_see_names_in_proxmox(self, page, kept, known, staff, browser_of, server):
        kept("Title", name="name-in-proxmox")
        known()
        assert "name-in-proxmox" not in page.get().content.decode()
        path = f"/servers/{server.pk}/snapshots/"
        assert "name-in-proxmox" in browser_of(staff).get(path).content.decode()

    @pytest.mark.parametrize("part", ["", "pieces/"])
    def test_more_snapshots_cost_no_more_queries(
        self, part, page, kept, known, django_assert_num_queries, django_assert_max_num_queries
    ):
        known(newest_only=True, most=50)
        kept("0", days=60)
        with django_assert_max_num_queries(40) as few:
            page.get(part)
        for number in range(1, 20):
            kept(str(number), days=60 - number, parent=str(number - 1))
        with django_assert_num_queries(len(few)):
            page.get(part)

    def test_a_deep_tree_of_many_branches_is_drawn(self, page, kept, known):
        for number in range(12):
            kept(f"a{number}", days=40 - number, parent=f"a{number - 1}")
            kept(f"b{number}", days=20 - number, parent=f"a{number - 1}")
        known(present="a11", most=50)
        assert len(shown(page.get())) == 25

    def test_opening_it_has_the_list_read_where_it_is_old(self, page, known, monkeypatch):
        sent = []
        monkeypatch.setattr("snapshots.look.enqueue", lambda name, **ids: sent.append(name))
        known(looked_at=datetime.now(UTC) - timedelta(minutes=5))
        assert "data-asked" in page.get().content.decode()
        known()
        assert "data-asked" not in page.get().content.decode()
        assert sent == ["snapshots.look"]


class TestTaking:
    def test_by_the_form(self, page, server, worker, guest, looked):
        answer = page.post("new/", {"title": "  До обновления ", "description": "a\r\nb"})
        assert (answer.status_code, answer.url) == (303, f"/servers/{server.pk}/snapshots/")
        snapshot = Snapshot.objects.get()
        assert (snapshot.title, snapshot.description) == ("До обновления", "a\nb")
        said = text_of(page.get())
        assert "being taken…" in said
        assert "Taking a snapshot…" in said

    def test_sent_twice_it_is_taken_once(self, page, worker):
        for _ in range(2):
            assert page.post("new/", {"title": "One"}).status_code == 303
        assert Snapshot.objects.count() == 1

    def test_a_module_is_answered_with_the_pieces(self, page, worker):
        answer = page.post("new/", {"title": "One"}, **FETCHED)
        assert answer.status_code == 202
        html = answer.content.decode()
        assert 'data-part="controls"' in html
        assert 'data-part="snapshots"' in html
        assert "<html" not in html

    @pytest.mark.parametrize("title", ["", "   ", "\u200b", "x" * 65, "a\u202eb"])
    def test_a_wrong_title_is_said_and_nothing_is_lost(self, title, page):
        answer = page.post("new/", {"title": title, "description": "kept"}, **FETCHED)
        assert answer.status_code == 400
        assert 'data-part="confirm"' in answer.content.decode()
        assert "kept</textarea>" in answer.content.decode()
        assert 'aria-invalid="true"' in answer.content.decode()
        assert not Snapshot.objects.exists()

    def test_what_is_busy_says_so(self, page, take, worker):
        take(wait=False)
        answer = page.post("new/", {"title": "Another"})
        assert answer.status_code == 409
        assert "Taking a snapshot is under way." in text_of(answer)
        assert why(page.get(), "take") == "Taking a snapshot is under way."

    def test_its_lock_is_not_told_any_longer_than_it_holds(self, page, take, server, worker):
        take(wait=False)
        Server.objects.filter(pk=server.pk).update(lock="snapshot")
        assert "Taking a snapshot is under way." in text_of(page.get())
        worker.run(20)
        assert why(page.get(), "take") is None

    def test_with_memory_where_it_can(self, page, worker):
        assert "With its memory" in text_of(page.get("new/", **FETCHED))
        page.post("new/", {"title": "One", "memory": "on"})
        assert Snapshot.objects.get().with_memory

    def test_no_memory_of_a_container(self, container, browser_of, alice):
        client = browser_of(alice)
        path = f"/servers/{container.pk}/snapshots/new/"
        response = client.get(path)
        assert "A container&#x27;s memory cannot be saved." in response.content.decode()
        assert "With its memory" not in text_of(response)
        answer = client.post(path, {"title": "x", "memory": "on", "key": "k"})
        assert answer.status_code == 400

    def test_where_the_storage_has_none(self, page, known):
        known(can_take=False, obstacles=[{"disk": "scsi0", "storage": "thick", "kind": "lvm"}])
        response = page.get()
        assert "where these disks are: scsi0." in why(response, "take")
        assert "data-refused" in response.content.decode()
        assert "Not possible now" in text_of(page.get("new/"))
        answer = page.post("new/", {"title": "x"})
        assert answer.status_code == 422
        assert "scsi0" in text_of(answer)

    def test_the_limit_says_which_one_to_delete(self, page, kept, known):
        oldest = kept("Oldest", days=5)
        kept("Newer", days=2)
        known(most=2)
        response = page.get()
        assert "2 of at most 2" in text_of(response)
        assert "Delete “Oldest” first." in why(response, "take")
        assert f"/snapshots/{oldest.pk}/delete/" in response.content.decode()
        assert 'data-key="make-room"' in response.content.decode()

    def test_an_age_limit_too(self, page, kept, known):
        kept("Ancient", days=40)
        known(most_days=30)
        assert "older than 30 days" in why(page.get(), "take")


class TestRollingBack:
    def test_wants_the_name_and_says_what_is_lost(self, page, take, server, worker):
        snapshot, _ = take()
        part = f"{snapshot.pk}/rollback/"
        said = text_of(page.get(part))
        for words in ("everything written to its disks since", "Start it afterwards",
                      "Take a snapshot first", "powered off at once"):  # fmt: skip
            assert words in said
        answer = page.post(part, {"confirm": "wrong", "start": "on"}, **FETCHED)
        assert answer.status_code == 400
        assert "exactly as it is shown" in text_of(answer)
        assert 'value="wrong"' in answer.content.decode()
        answer = page.post(part, {"confirm": server.name, "start": "on"})
        assert answer.status_code == 303
        action = Action.objects.get(type="snapshot.rollback")
        assert action.parameters["start"]
        worker.run(30)
        assert "Rolled back to “Before the upgrade”." in text_of(page.get("../history/"))

    def test_with_a_snapshot_first(self, page, take, server, worker):
        snapshot, _ = take()
        page.post(f"{snapshot.pk}/rollback/", {"confirm": server.name, "snapshot_first": "on"})
        assert "Taking a snapshot first…" in text_of(page.get())
        worker.run(30)
        safety = Snapshot.objects.get(origin="safety")
        assert safety.taken_at is not None
        assert "before a change" in text_of(page.get())

    def test_with_memory_it_runs_by_itself(self, page, kept, known):
        snapshot = kept(with_memory=True)
        known()
        said = text_of(page.get(f"{snapshot.pk}/rollback/"))
        assert "It runs on by itself" in said
        assert "Start it afterwards" not in said

    def test_only_to_the_newest_where_the_storage_is_like_zfs(self, page, kept, known, server):
        older, newer = kept("Older", days=3), kept("Newer", days=2)
        known(newest_only=True)
        response = page.get()
        assert "newest snapshot alone" in why(response, f"roll-back-{older.pk}")
        assert why(response, f"roll-back-{newer.pk}") is None
        said = text_of(page.get(f"{newer.pk}/rollback/"))
        assert "No snapshot can be taken first: The storage goes back to the newest" in said
        assert "Not possible now" in text_of(page.get(f"{older.pk}/rollback/"))
        answer = page.post(f"{older.pk}/rollback/", {"confirm": server.name})
        assert answer.status_code == 422

    def test_no_safety_at_the_limit(self, page, kept, known):
        snapshot = kept()
        known(most=1)
        said = text_of(page.get(f"{snapshot.pk}/rollback/"))
        assert "No snapshot can be taken first: The limit of 1 snapshot is" in said


class TestDeleting:
    def test_asks_and_deletes(self, page, take, worker, guest):
        snapshot, _ = take()
        part = f"{snapshot.pk}/delete/"
        assert "The server itself stays as it is" in text_of(page.get(part))
        assert page.post(part).status_code == 303
        worker.run(30)
        assert not Snapshot.objects.exists()
        assert "was deleted." in text_of(page.get("../history/"))

    def test_one_of_another_server_is_not_there(self, page, kept, server, polled):
        other = Server.objects.exclude(pk=server.pk).first()
        strange = Snapshot.objects.create(
            server=other, name="x", title="x", taken_at=datetime.now(UTC)
        )
        for part in ("delete", "rollback"):
            assert page.get(f"{strange.pk}/{part}/").status_code == 404
            assert page.post(f"{strange.pk}/{part}/").status_code == 404

    def test_one_that_is_being_taken_is_not_deleted(self, page, take):
        snapshot, _ = take(wait=False)
        Action.objects.update(active=None)
        said = text_of(page.get(f"{snapshot.pk}/delete/"))
        assert "Not possible now: It is still being taken." in said
