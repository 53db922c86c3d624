"""Snapshots on the staff site."""

import pytest

from servers.models import Action
from snapshots.models import Snapshot, SnapshotSchedule, state_of
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


class TestAdmin:
    @pytest.fixture
    def site(self, browser_of, staff):
        return browser_of(staff)

    def pick(self, site, *snapshots):
        return site.post(
            "/admin/snapshots/snapshot/",
            {"action": "delete_in_proxmox", "_selected_action": [each.pk for each in snapshots]},
            follow=True,
        )

    def test_all_of_them_oldest_first(self, site, kept, django_assert_max_num_queries):
        for number, title in enumerate(("Youngest", "Middle", "Eldest")):
            kept(title, days=1 + 20 * number)
        with django_assert_max_num_queries(15):
            html = site.get("/admin/snapshots/snapshot/").content.decode()
        assert html.index("Eldest") < html.index("Middle") < html.index("Youngest")
        html = site.get("/admin/snapshots/snapshot/?age=14").content.decode()
        assert "Eldest" in html
        assert "Youngest" not in html
        assert "Eldest" in site.get("/admin/snapshots/snapshot/?q=alice").content.decode()

    def test_many_are_deleted_as_actions(self, site, take, container, worker, guest, tick, staff):
        one, _ = take("One")
        two, _ = take("Two")
        other, _ = take("Other", of=container)
        said = text_of(self.pick(site, one, two, other))
        assert "2 snapshots are being deleted." in said
        assert "1 waits until its server is free." in said
        worker.run(20)
        assert Snapshot.objects.get() == two
        tick()
        assert not Snapshot.objects.exists()
        deletions = Action.objects.filter(type="snapshot.delete")
        assert {(each.source, each.requested_by, each.status) for each in deletions} == {
            ("admin", staff, "success")
        }

    def test_what_cannot_be_deleted_is_not_tried_for_ever(
        self, site, take, worker, world, tick, staff
    ):
        one, _ = take("One")
        two, _ = take("Two")
        self.pick(site, one, two)
        worker.run(20)
        world.fail_task("qmdelsnapshot", "volume is busy")
        for _ in range(3):
            tick()
        assert Action.objects.filter(type="snapshot.delete", status="failed").count() == 1
        assert Snapshot.objects.get() == two

    def test_limits_are_the_staffs(self, site, server, known):
        known()
        path = f"/admin/snapshots/serversnapshots/{server.pk}/change/"
        assert site.post(path, {"most": "3", "most_days": "0"}).status_code == 302
        state = state_of(server)
        assert (state.limit, state.limit_days) == (3, 0)
        assert state.can_take
        assert site.get("/admin/snapshots/serversnapshots/").status_code == 200

    def test_schedules_are_listed(self, site, server):
        SnapshotSchedule.objects.create(server=server, kind="hourly", minute=5)
        html = site.get("/admin/snapshots/snapshotschedule/").content.decode()
        assert "…:05" in html
