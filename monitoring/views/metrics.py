"""What a server measured, to be downloaded, or read where its charts are not drawn."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError

from accounts.models import User
from monitoring import sheet
from monitoring.api import rounded, wanted_of
from monitoring.history import BadRange, Range, history
from servers.models import Server
from servers.timeline import Happening
from servers.views.door import of_server, person
from servers.views.servers import RANGES

Happenings = Callable[[Server, User, datetime, datetime], tuple[list[Happening], bool]]

# Of a page: that many lines are still read.
MOST_ROWS = 60
PLAIN = "text/plain; charset=utf-8"


@require_safe
@of_server
def server_metrics(
    request: HttpRequest, server: Server, happenings: Happenings | None = None
) -> HttpResponse:
    """The charts' numbers as one table, and what happened meanwhile."""
    key, span = span_of(request)
    now = int(datetime.now(UTC).timestamp())
    # No finer than samples come: every other line would be a gap.
    least = max(settings.POLL_INTERVAL, span / MOST_ROWS)
    step = next(step for step in (60, 300, 900, 3600, 10800) if step >= least)
    wanted = Range((now - span) - (now - span) % step, now + -now % step, step)
    told: tuple[list[Happening], bool] = ([], False)
    if happenings:
        told = happenings(
            server,
            person(request),
            datetime.fromtimestamp(wanted.start, UTC),
            datetime.fromtimestamp(wanted.end, UTC),
        )
    context = {
        "server": server,
        "tab": "overview",
        "rows": sheet.rows(history(server.pk, wanted).series),
        "happenings": list(reversed(told[0])),
        "is_cut": told[1],
        "ranges": [(name, label) for name, (_, label) in RANGES.items()],
        "range": key,
    }
    return render(request, "monitoring/metrics.html", context)


@require_safe
@of_server
def metrics_csv(request: HttpRequest, server: Server) -> HttpResponse:
    """`?start&end&step` as the API has them, or `?range=1h`; a file of its own name."""
    try:
        wanted = wanted_of(request.GET.dict(), usually=span_of(request)[1])
    except BadRange as error:
        return HttpResponse(f"{error.field}: {error}\n", status=400, content_type=PLAIN)
    except ValidationError as error:
        fields = error.detail if isinstance(error.detail, dict) else {}
        lines = "".join(f"{field}: {' '.join(map(str, why))}\n" for field, why in fields.items())
        return HttpResponse(lines, status=400, content_type=PLAIN)
    found = history(server.pk, wanted).series
    text = sheet.comma_separated({name: rounded(name, points) for name, points in found.items()})
    answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=file_name(server, wanted)
    )
    return answer


def span_of(request: HttpRequest) -> tuple[str, int]:
    """The named range that is asked for, and its seconds; the last hour otherwise."""
    asked = request.GET.get("range", "")
    key = asked if asked in RANGES else "1h"
    return key, RANGES[key][0]


def file_name(server: Server, wanted: Range) -> str:
    """Of letters that any system takes: a server's name is its owner's own words."""
    name = slugify(server.name)[:64] or f"server-{server.pk}"
    begins = datetime.fromtimestamp(wanted.start, UTC)
    return f"{name}-{begins:%Y%m%dT%H%MZ}.csv"
