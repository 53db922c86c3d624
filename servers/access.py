"""The only door to a server for anybody: pages, API and websocket come through here."""

from typing import TYPE_CHECKING

from accounts.models import User
from servers.models import Server

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def server_for(user: "User | AnonymousUser", server_id: int) -> Server:
    """The server if this person may see it, else Server.DoesNotExist, which is a 404.

    Whether it belongs to somebody else or does not exist makes no difference to who asks.
    """
    return (
        Server.objects.visible_to(user).select_related("cluster", "last_sample").get(pk=server_id)
    )
