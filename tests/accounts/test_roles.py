"""What roles permit, and how people get and lose them."""

import pytest

from accounts import appointment, roles
from accounts.appointment import NotThis, appoint
from accounts.audit import COMMAND, Actor
from accounts.models import ApiSession, AuditEntry, Source, User

ROLES = (roles.SUPPORT, roles.OPERATOR, roles.ADMIN)


class TestWhatARolePermits:
    def test_each_permits_what_the_one_below_does(self):
        assert roles.granted("support") < roles.granted("operator") < roles.granted("admin")

    @pytest.mark.parametrize("word", ["", "root", "Admin"])
    def test_no_role_permits_nothing(self, word):
        assert roles.granted(word) == frozenset()
        assert roles.flags(word) == {"is_staff": False, "is_superuser": False}

    def test_support_sees_and_changes_nothing(self):
        changing = ("add_", "change_", "delete_")
        granted = roles.granted("support")
        assert not [name for name in granted if name.partition(".")[2].startswith(changing)]
        assert not granted & {roles.OPERATE, roles.DESTROY, roles.OPEN_CONSOLE, roles.DESCRIBE}

    @pytest.mark.parametrize("role", ["support", "operator"])
    def test_tokens_of_clusters_are_the_administrators(self, role):
        assert not [name for name in roles.granted(role) if "clustertoken" in name]
        assert "servers.change_cluster" not in roles.granted(role)

    @pytest.mark.parametrize(
        ("new", "old", "less"),
        [("", "support", True), ("admin", "support", False), ("operator", "admin", True),
         ("support", "support", False), ("support", "", False)],
    )  # fmt: skip
    def test_what_is_less(self, new, old, less):
        assert roles.is_less(new, old) is less


@pytest.mark.django_db
class TestRights:
    @pytest.mark.parametrize("role", ROLES)
    def test_a_person_has_those_of_the_role(self, role):
        person = User.objects.create_user("s@example.com", "x" * 12, role=role)
        assert person.is_staff
        assert person.is_superuser is (role == "admin")
        assert all(person.has_perm(name) for name in roles.granted(role))
        assert person.has_perm("servers.change_cluster") is (role == "admin")
        assert person.has_module_perms("servers")
        assert not person.has_module_perms("monitoring") or role == "admin"

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, {"role": ""}])
    def test_not_where_something_else_speaks_against_it(self, change):
        User.objects.create_user("s@example.com", "x" * 12, role="operator")
        User.objects.update(**change)
        assert not User.objects.get().has_perm(roles.OPERATE)

    def test_a_superuser_is_an_administrator(self):
        person = User.objects.create_superuser("s@example.com", "x" * 12, is_staff=True)
        assert person.role == "admin"
        assert appointment.disagreeing() == []

    def test_marks_that_disagree_are_noticed(self, staff, alice):
        User.objects.filter(pk=alice.pk).update(is_staff=True)
        User.objects.filter(pk=staff.pk).update(role="support")
        assert set(appointment.disagreeing()) == {alice, staff}


@pytest.mark.django_db
class TestAppointing:
    def appoint(self, person, role, clock, *, by=None):
        actor = Actor(by, Source.ADMIN) if by else COMMAND
        told = []
        done = appoint(person, role, actor=actor, now=clock(), tell=told.append)
        return done, told

    def test_it_is_recorded_and_the_marks_follow(self, alice, staff, clock):
        assert self.appoint(alice, "operator", clock, by=staff) == (True, [])
        alice.refresh_from_db()
        assert (alice.role, alice.is_staff, alice.is_superuser) == ("operator", True, False)
        entry = AuditEntry.objects.get(event="person.role_changed")
        assert entry.details == {"from": "", "to": "operator"}
        assert entry.actor == staff

    def test_who_loses_it_is_told_to_the_sockets_and_the_api(self, alice, staff, clock):
        self.appoint(alice, "admin", clock, by=staff)
        session = ApiSession.objects.create(user=alice, started_at=clock(), renewed_at=clock())
        assert self.appoint(alice, "support", clock, by=staff) == (True, [alice.pk])
        session.refresh_from_db()
        assert session.ended_at is not None

    def test_the_same_again_is_nothing(self, alice, clock):
        self.appoint(alice, "support", clock)
        assert self.appoint(alice, "support", clock) == (False, [])
        assert AuditEntry.objects.filter(event="person.role_changed").count() == 1

    def test_not_one_s_own(self, staff, alice, clock):
        self.appoint(alice, "admin", clock)
        with pytest.raises(NotThis, match="another administrator"):
            self.appoint(staff, "", clock, by=staff)

    def test_not_the_last_administrator_s(self, staff, alice, clock):
        User.objects.create_user("off@example.com", "x" * 12, role="admin", is_active=False)
        with pytest.raises(NotThis, match="last administrator"):
            self.appoint(staff, "operator", clock, by=alice)
        staff.refresh_from_db()
        assert staff.is_superuser
