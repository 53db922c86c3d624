"""The roles of Proxmox VE 9 (`GET /access/roles`) and those a panel would make for itself."""

_VM_USER = (
    "VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.GuestAgent.Audit "
    "VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt VM.GuestAgent.FileWrite VM.PowerMgmt"
)
_VM_ADMIN = (
    f"{_VM_USER} VM.Allocate VM.Clone VM.Config.CPU VM.Config.Disk VM.Config.HWType "
    "VM.Config.Memory VM.Config.Network VM.Config.Options VM.GuestAgent.Unrestricted VM.Migrate "
    "VM.Replicate VM.Snapshot VM.Snapshot.Rollback"
)
_ADMIN = (
    f"{_VM_ADMIN} Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate "
    "Datastore.Audit Group.Allocate Mapping.Audit Mapping.Use Pool.Allocate Pool.Audit "
    "Realm.AllocateUser SDN.Allocate SDN.Audit SDN.Use Sys.Audit Sys.Console Sys.Syslog "
    "User.Modify"
)
_AUDITOR = (
    "Datastore.Audit Mapping.Audit Pool.Audit SDN.Audit Sys.Audit VM.Audit VM.GuestAgent.Audit"
)
_PANEL_READ = "VM.Audit Sys.Audit Datastore.Audit Pool.Audit VM.GuestAgent.Audit"
_PANEL_ACT = (
    "VM.Audit VM.PowerMgmt VM.Console VM.Snapshot VM.Snapshot.Rollback VM.Config.Cloudinit "
    "VM.Config.Options VM.Config.Disk VM.Allocate Datastore.AllocateSpace"
)
_PANEL_RESET = "VM.Audit VM.GuestAgent.Audit VM.GuestAgent.Unrestricted VM.Config.Cloudinit"

ROLES: dict[str, frozenset[str]] = {
    name: frozenset(privileges.split())
    for name, privileges in {
        "Administrator": (
            f"{_ADMIN} Mapping.Modify Permissions.Modify Realm.Allocate Sys.AccessNetwork "
            "Sys.Incoming Sys.Modify Sys.PowerMgmt"
        ),
        "NoAccess": "",
        "PVEAdmin": _ADMIN,
        "PVEAuditor": _AUDITOR,
        "PVEDatastoreAdmin": (
            "Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit"
        ),
        "PVEDatastoreUser": "Datastore.AllocateSpace Datastore.Audit",
        "PVEPoolAdmin": "Pool.Allocate Pool.Audit",
        "PVEPoolUser": "Pool.Audit",
        "PVESysAdmin": "Sys.Audit Sys.Console Sys.Syslog",
        "PVETemplateUser": "VM.Audit VM.Clone",
        "PVEVMAdmin": _VM_ADMIN,
        "PVEVMUser": _VM_USER,
        "PanelRead": _PANEL_READ,
        "PanelAct": _PANEL_ACT,
        "PanelReset": _PANEL_RESET,
        "Panel": f"{_PANEL_READ} {_PANEL_ACT} {_PANEL_RESET}",
    }.items()
}
