import pytest

from servers.proxmox.privileges import NEEDS, Purpose, mending, missing

ALL = frozenset(need.privilege for need in NEEDS)
READ = frozenset(need.privilege for need in NEEDS if need.purpose is Purpose.READ)


def lacking(permissions, *purposes, major=9):
    return [n.name(major) for n in missing(permissions, purposes or tuple(Purpose), major)]


def test_all_on_the_root_is_enough():
    assert lacking({"/": ALL}) == []


def test_nothing_at_all():
    assert lacking({}) == [need.privilege for need in NEEDS]


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/", True),
        ("/vms", True),
        ("/vms/101", True),
        ("/pool/customers", True),
        ("/access", False),
        ("/vmsomething", False),
        ("/nodes", False),
    ],
)
def test_where_a_privilege_on_guests_counts(path, counts):
    permissions = {path: frozenset({"VM.Audit"})}
    assert ("VM.Audit" not in lacking(permissions, Purpose.READ)) is counts


def test_nodes_and_storages_are_asked_for_where_they_are():
    permissions = {
        "/vms": READ,
        "/nodes/pve1": frozenset({"Sys.Audit"}),
        "/storage/local": frozenset({"Datastore.Audit"}),
    }
    assert lacking(permissions, Purpose.READ) == []


def test_only_the_purposes_that_are_asked_for():
    assert lacking({"/": READ}, Purpose.READ) == []
    assert "VM.PowerMgmt" in lacking({"/": READ}, Purpose.ACT)


def test_pve_8_has_vm_monitor_where_9_has_the_guest_agents():
    eight = (ALL - {"VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"}) | {"VM.Monitor"}
    assert lacking({"/": eight}, major=8) == []
    assert lacking({"/": eight}, major=9) == ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"]
    assert lacking({"/": ALL}, major=8) == ["VM.Monitor", "VM.Monitor"]


class TestMending:
    def lines(self, major):
        return mending("panel@pve!panel", missing({}, [Purpose.READ], major), major)

    def test_nine(self):
        assert self.lines(9) == [
            'pveum role add PanelRead --privs "VM.Audit,VM.GuestAgent.Audit,Sys.Audit,'
            'Datastore.Audit"',
            "pveum acl modify / --users 'panel@pve' --roles PanelRead",
            "pveum acl modify / --tokens 'panel@pve!panel' --roles PanelRead",
        ]

    def test_eight(self):
        assert '"VM.Audit,VM.Monitor,Sys.Audit,Datastore.Audit"' in self.lines(8)[0]

    def test_a_role_a_purpose(self):
        lines = mending("panel@pve!panel", missing({}, tuple(Purpose), 9), 9)
        roles = [line.split()[3] for line in lines if line.startswith("pveum role")]
        assert roles == ["PanelRead", "PanelAct", "PanelReset"]

    def test_nothing_to_mend(self):
        assert mending("panel@pve!panel", [], 9) == []
