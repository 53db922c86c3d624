import pytest

from monitoring.readings import Counters
from monitoring.reconcile import Known, reconcile
from servers.proxmox.types import Guest, NodeState, Resources

NOW = 1_795_176_000
KNOWN = Known(
    id=7, vmid=101, kind="qemu", node="pve1", guest_name="web1", status="running", lock="",
    tags="", cpus=2, identity="uuid=a", identity_due=False, missing=False,
)  # fmt: skip
GUEST = {
    "type": "qemu", "vmid": 101, "node": "pve1", "status": "running", "name": "web1",
    "cpu": 0.1, "maxcpu": 2, "mem": 1, "maxmem": 2, "uptime": 130,
}  # fmt: skip
ONLINE = (NodeState("pve1", "online"),)
SUSPECTED = {"identity_due": True, "identity_next_at": None}
MEMORY = {101: Counters("pve1", 100, NOW - 30, 0, 0, 0, 0)}


def plan(*guests, known=(KNOWN,), nodes=ONLINE, memory=MEMORY):
    listed = [Guest(**{**GUEST, **fields}) for fields in guests]
    return reconcile(Resources(listed, list(nodes), 0), known, memory, {}, now=NOW)


def test_it_works():
    result = plan({})
    assert result.changed == {}
    assert result.new == []
    assert result.missing == []
    assert result.samples[7].cpu == 0.1
    assert result.counters[101].uptime == 130


def test_a_new_guest():
    result = plan({}, {"vmid": 102, "name": "web2"})
    assert [guest.vmid for guest, _ in result.new] == [102]
    assert result.counters[102].uptime == 130


def test_a_template_is_no_server():
    assert plan({}, {"vmid": 900, "template": True}).new == []


def test_a_guest_that_is_listed_twice_counts_once():
    assert len(plan({}, {"vmid": 102}, {"vmid": 102, "node": "pve2"}).new) == 1


def test_a_move_changes_the_node_alone():
    result = plan({"node": "pve2"})
    assert result.changed == {7: {"node": "pve2"}}
    assert result.samples[7].network_in is None


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({"status": "stopped"}, {"status": "stopped"}),
        ({"lock": "backup"}, {"lock": "backup"}),
        ({"tags": "a;b"}, {"tags": "a;b"}),
        ({"maxcpu": 4}, {"cpus": 4}),
        ({"maxcpu": 1e30}, {}),
        ({"status": "unknown", "uptime": None}, {"status": "unknown"}),
        ({"name": "x" * 300}, {"guest_name": "x" * 128, **SUSPECTED}),
    ],
)
def test_what_changed(fields, changes):
    assert plan(fields).changed.get(7, {}) == changes


def test_what_a_row_leaves_out_is_kept():
    bare = {"status": "unknown", "name": "", "maxcpu": None, "maxmem": None, "uptime": None}
    assert plan(bare).changed[7] == {"status": "unknown", **SUSPECTED}


def test_a_guest_on_a_dead_node_is_unknown():
    result = plan({}, nodes=[NodeState("pve1", "offline")])
    assert result.changed == {7: {"status": "unknown"}}
    assert result.samples == {}


def test_nodes_that_the_token_does_not_see_are_not_dead():
    assert plan({}, nodes=[]).changed == {}


class TestPartialLists:
    """In a list with rows that could not be read, what is absent may well be there."""

    def partial(self, *known):
        return reconcile(Resources([], list(ONLINE), 1), known, MEMORY, {}, now=NOW)

    def test_nobody_is_missing_from_one_and_nothing_is_known(self):
        result = self.partial(KNOWN)
        assert result.missing == []
        assert result.changed == {7: {"status": "unknown"}}

    def test_what_was_remembered_is_kept_so_that_a_restart_meanwhile_is_noticed(self):
        kept = self.partial(KNOWN).counters
        assert kept == MEMORY
        back = plan({"uptime": 5}, known=[KNOWN._replace(status="unknown")], memory=kept)
        assert back.changed[7]["identity_due"] is True
        assert back.samples == {}

    def test_who_was_missing_is_not_any_more(self):
        result = self.partial(KNOWN._replace(missing=True, status="unknown"))
        assert result.changed == {7: {"missing_since": None}}


class TestMissing:
    def test_it_is_told_once(self):
        assert plan().missing == [7]
        assert plan(known=[KNOWN._replace(missing=True)]).missing == []

    def test_it_is_back(self):
        result = plan({}, known=[KNOWN._replace(missing=True, identity_due=True)])
        assert result.changed[7] == {"missing_since": None}


class TestAnotherGuestUnderTheSameVmid:
    def test_another_kind_is_another_guest(self):
        result = plan({"type": "lxc"})
        assert result.replaced == [7]
        assert [guest.vmid for guest, _ in result.new] == [101]
        assert 7 not in result.samples

    @pytest.mark.parametrize(
        ("known", "fields"),
        [
            (KNOWN, {"uptime": 5}),
            (KNOWN, {"name": "other"}),
            (KNOWN._replace(status="stopped"), {}),
            (KNOWN._replace(missing=True), {}),
            (KNOWN, {"status": "unknown", "name": "", "maxmem": None}),
        ],
        ids=["uptime fell", "renamed", "started", "was missing", "listed bare"],
    )
    def test_signs_of_one_have_its_identity_read_and_its_numbers_held_back(self, known, fields):
        result = plan(fields, known=[known])
        assert result.changed[7]["identity_due"] is True
        assert result.samples == {}

    def test_until_it_is_read_numbers_are_held_back(self):
        assert plan({}, known=[KNOWN._replace(identity_due=True)]).samples == {}

    def test_a_server_that_never_had_an_identity_has_nothing_to_mix_up(self):
        known = KNOWN._replace(identity_due=True, identity="")
        assert 7 in plan({}, known=[known]).samples
