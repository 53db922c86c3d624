"""The mail to a server's owner whose console one of the staff asks for."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import locale
from alerts import outbox
from servers import console_requests
from servers.models import ConsoleRequest


def tell(request_id: int, *, now: datetime) -> None:
    """Once, and only while it waits for an answer."""
    waiting = console_requests.open_ones(now).filter(answer=ConsoleRequest.Answer.WAITING)
    request = waiting.select_related("server__owner").filter(pk=request_id).first()
    if request is None or request.server.owner is None:
        return
    server, owner = request.server, request.server.owner
    address = f"{settings.PANEL_URL}{reverse('server-console-requests', args=[server.pk])}"
    with locale.of_person(owner):
        subject = _("%(server)s: the staff ask for its console") % {"server": server.name}
        words = _(
            "One of the staff asks to be let onto the console of %(server)s, and gives this reason:"
        )
        then = _("You can allow it for an hour, or deny it. Without your word nobody gets in.")
        outbox.tell(
            owner,
            subject=subject,
            body=f"{words % {'server': server.name}}\n\n{request.reason}\n\n{then}\n\n{address}\n",
            key=f"console-request-{request.pk}",
            server=server,
            now=now,
        )
