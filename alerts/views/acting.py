"""Taking an alert on, muting, and taking that back: forms that lead back to their page."""

from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from alerts import episodes, mutes
from alerts.models import Alert, AlertRule, Mute
from alerts.templatetags.alerts import MUTES
from alerts.views.door import back, signed_in
from servers.access import server_for
from servers.models import Server
from servers.operations import Invalid
from servers.views.actions import actor_of

HOURS = {str(hours) for hours, _label in MUTES}


@require_POST
@signed_in
def alert_acknowledge(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    alert = alert_for(user, pk)
    if not alert.may_be_marked_by(user):
        raise PermissionDenied
    actor, now = actor_of(request), datetime.now(UTC)
    if "take_back" in request.POST:
        if episodes.unacknowledge(alert, actor=actor, now=now):
            messages.success(request, _("Taken back. You are told of it as before."))
    elif episodes.acknowledge(alert, actor=actor, now=now):
        messages.success(request, _("Acknowledged: no more reminders while it lasts."))
    else:
        messages.info(request, _("It is over, or somebody was quicker."))
    return back(request)


@require_POST
@signed_in
def alert_mute(request: HttpRequest, user: User) -> HttpResponse:
    """Of one's own: a rule, a server, or a rule on a server."""
    rule = rule_of(user, request.POST.get("rule", ""))
    server = server_of(user, request.POST.get("server", ""))
    hours = request.POST.get("hours", "")
    if hours not in HOURS or (rule is None and server is None):
        raise Http404
    now = datetime.now(UTC)
    until = now + timedelta(hours=int(hours)) if int(hours) else None
    try:
        mutes.mute(user, rule=rule, server=server, until=until, actor=actor_of(request), now=now)
    except Invalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Muted. Alerts go on, and what still lasts is told then."))
    return back(request)


@require_POST
@signed_in
def alert_unmute(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    mute = Mute.objects.filter(pk=pk, owner=user).first()
    if mute is None:
        raise Http404
    mutes.unmute(mute, actor=actor_of(request), now=datetime.now(UTC))
    messages.success(request, _("Not muted any more."))
    return back(request)


def alert_for(user: User, pk: int) -> Alert:
    found = Alert.objects.visible_to(user).select_related("server", "rule", "owner").filter(pk=pk)
    alert = found.first()
    if alert is None:
        raise Http404
    return alert


def rule_of(user: User, number: str) -> AlertRule | None:
    if not number:
        return None
    rule = AlertRule.objects.visible_to(user).filter(pk=whole(number)).first()
    if rule is None:
        raise Http404
    return rule


def server_of(user: User, number: str) -> Server | None:
    if not number:
        return None
    try:
        return server_for(user, whole(number))
    except Server.DoesNotExist as error:
        raise Http404 from error


def whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Http404
    return int(text)
