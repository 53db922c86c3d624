"""What the list of servers draws beside each of them."""

import time

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from monitoring import sparklines as lines
from servers.models import Server

MOST_SERVERS = 100
LONGEST_ID = 18


@never_cache
@login_required
def sparklines(request: HttpRequest) -> HttpResponse:
    """`?servers=1,2`, a page of them at most: {start, step, lines: {id: [share or null]}}.

    Those that this person may not see are not in the answer.
    """
    asked = request.GET.get("servers", "").split(",")[: MOST_SERVERS + 1]
    if len(asked) > MOST_SERVERS or not all(map(is_id, asked)):
        error = _("Ids of servers, by commas: up to %(most)s of them.") % {"most": MOST_SERVERS}
        return JsonResponse({"error": error}, status=400)
    visible = Server.objects.visible_to(request.user).filter(pk__in=map(int, asked))
    wanted = lines.present(int(time.time()))
    found = lines.cpu_lines(list(visible.order_by().values_list("pk", flat=True)), wanted)
    return JsonResponse({"start": wanted.start, "step": wanted.step, "lines": found})


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
