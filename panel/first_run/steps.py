"""What there is to do, and what is done already: by what is stored, so that it can be left and
come back to at any time."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from alerts.models import Notification
from servers.models import Cluster, Server


@dataclass(frozen=True)
class Step:
    """`name` is that of its page: setup-cluster and so on."""

    name: str
    title: Promise
    is_done: bool

    @property
    def route(self) -> str:
        return f"setup-{self.name}"


def steps() -> list[Step]:
    """In their order; a query each."""
    sent = Notification.objects.filter(channel_kind="mail", status=Notification.Status.SENT)
    return [
        Step("cluster", _("Proxmox cluster"), Cluster.objects.exists()),
        Step("servers", _("Servers"), Server.objects.exists()),
        Step("mail", _("Mail"), sent.exists()),
        Step("customer", _("First customer"), User.objects.filter(role="").exists()),
    ]


def next_of(found: list[Step]) -> Step | None:
    """The first that is not done; None when all are."""
    return next((step for step in found if not step.is_done), None)
