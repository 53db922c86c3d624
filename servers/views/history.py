"""What was done to a server: by whom, from where, when, for how long, how it ended."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from servers.models import Action, ConsoleRequest, Server
from servers.views.door import of_server

ACTIONS_PER_PAGE = 50
REQUESTS_SHOWN = 20


@of_server
def server_history(request: HttpRequest, server: Server) -> HttpResponse:
    actions = Action.objects.visible_to(request.user).filter(server=server)
    page = Paginator(actions, ACTIONS_PER_PAGE).get_page(request.GET.get("page"))
    asked = ConsoleRequest.objects.visible_to(request.user).filter(server=server)
    asked = asked.select_related("asked_by")
    context = {
        "server": server,
        "tab": "history",
        "page": page,
        "actions": page.object_list,
        "requests": asked[:REQUESTS_SHOWN] if page.number == 1 else (),
    }
    return render(request, "servers/history.html", context)
