"""What each role may do. Pure: a role's word in, names of permissions out.

The names are Django's own where the admin site asks for them ("servers.view_server"); those below
stand for what the panel's pages, API and workers ask for, and have no row anywhere.
"""

from collections.abc import Iterable
from typing import Final

SUPPORT: Final = "support"
OPERATOR: Final = "operator"
ADMIN: Final = "admin"

# On servers that are somebody else's; one's own are one's own.
OPERATE: Final = "servers.operate_server"
DESTROY: Final = "servers.destroy_server"
OPEN_CONSOLE: Final = "servers.open_console"
ASK_FOR_CONSOLE: Final = "servers.ask_for_console"
# Name, notes, labels, protection; and whose it is.
DESCRIBE: Final = "servers.change_server"
# In a customer's place, which the audit log tells.
ACT_ON_BEHALF: Final = "accounts.act_on_behalf"
APPOINT: Final = "accounts.appoint"
EXPORT: Final = "accounts.export"

SEEN: Final = (
    "accounts.apisession",
    "accounts.auditentry",
    "accounts.user",
    "alerts.alert",
    "alerts.alertevent",
    "alerts.alertrule",
    "alerts.deliveryattempt",
    "alerts.incident",
    "alerts.maintenancewindow",
    "alerts.notification",
    "alerts.notificationchannel",
    "servers.action",
    "servers.cluster",
    "servers.clusterendpoint",
    "servers.consolerequest",
    "servers.consolesession",
    "servers.node",
    "servers.server",
    "snapshots.serversnapshots",
    "snapshots.snapshot",
    "snapshots.snapshotschedule",
)


def to_view(models: Iterable[str]) -> frozenset[str]:
    return frozenset(model.replace(".", ".view_") for model in models)


# Tokens of clusters are not among what support sees, nor anything else that is secret.
OF_SUPPORT: Final = to_view(SEEN) | {ASK_FOR_CONSOLE, EXPORT}
OF_OPERATORS: Final = OF_SUPPORT | {
    OPERATE,
    OPEN_CONSOLE,
    DESCRIBE,
    ACT_ON_BEHALF,
    # Customers alone: people with a role are the administrators' business.
    "accounts.add_user",
    "accounts.change_user",
    "alerts.change_alert",
    "alerts.change_notification",
    "alerts.add_maintenancewindow",
    "alerts.change_maintenancewindow",
    "alerts.delete_maintenancewindow",
    "snapshots.change_serversnapshots",
    "snapshots.delete_snapshot",
}
# Django lets a superuser do anything else besides.
OF_ADMINS: Final = OF_OPERATORS | {DESTROY, APPOINT}

GRANTED: Final = {SUPPORT: OF_SUPPORT, OPERATOR: OF_OPERATORS, ADMIN: OF_ADMINS}


def granted(role: str) -> frozenset[str]:
    """What a role permits; nothing for a customer, or for a word that is no role."""
    return GRANTED.get(role, frozenset())


def flags(role: str) -> dict[str, bool]:
    """Django's own marks of a person, as they go with this role."""
    return {"is_staff": role in GRANTED, "is_superuser": role == ADMIN}


def is_less(new: str, old: str) -> bool:
    """Whether somebody loses rights by it."""
    return not granted(old) <= granted(new)
