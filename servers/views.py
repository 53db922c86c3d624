"""The pages: my servers, and one server."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from servers.access import server_for
from servers.models import Server

SERVERS_PER_PAGE = 100


@login_required
def server_list(request: HttpRequest) -> HttpResponse:
    servers = (
        Server.objects.visible_to(request.user)
        .exclude(status=Server.Status.GONE)
        .select_related("last_sample", "owner")
        .order_by("name", "id")
    )
    wanted = request.GET.get("q", "").strip()[:128]
    if wanted:
        servers = servers.filter(name__icontains=wanted)
    page = Paginator(servers, SERVERS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "servers/server_list.html", {"page": page, "wanted": wanted})


@login_required
def server_detail(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        server = server_for(request.user, pk)
    except Server.DoesNotExist as error:
        raise Http404 from error
    return render(request, "servers/server_detail.html", {"server": server})
