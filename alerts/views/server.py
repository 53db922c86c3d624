"""The alerts of one server: what fires, which rules apply and where each stands, and why not."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from alerts import mutes, rule_words, rules, silence, wording
from alerts.judge import State
from alerts.models import Alert, AlertQuerySet, AlertRule, AlertStanding, Mute
from alerts.silence import Silence
from alerts.views.listing import muted
from alerts.views.rules import may_change
from servers.models import Server
from servers.templatetags.units import about
from servers.views.actions import is_fetched
from servers.views.door import of_server, person

PAST = 10


@dataclass(frozen=True)
class Line:
    """A rule as it is for this server. `state` is empty where nothing stands open; `is_off` of a
    default that is switched off here. `why` where it was asked."""

    rule: AlertRule
    sentence: str
    state: str
    words: str
    may_change: bool
    is_own_of_server: bool
    is_off: bool = False
    why: Silence | None = None


@require_safe
@of_server
def server_alerts(request: HttpRequest, server: Server) -> HttpResponse:
    user, now = person(request), datetime.now(UTC)
    asked = request.GET.get("why", "")
    firing = list(seen(user, server).firing())
    in_force = mutes_of(server, user, now=now)
    context = {
        "server": server,
        "tab": "alerts",
        "firing": firing,
        "muted": muted(firing, in_force),
        "past": list(seen(user, server).filter(active=None)[:PAST]),
        "lines": lines_of(server, user, asked, now=now),
        "mutes": in_force,
        "is_mine": server.owner_id == user.pk,
        "here": reverse("server-alerts", args=[server.pk]),
    }
    template = "alerts/server_parts.html" if is_fetched(request) else "alerts/server.html"
    return render(request, template, context)


def seen(user: User, server: Server) -> AlertQuerySet:
    found = Alert.objects.visible_to(user).filter(server=server)
    return found.select_related("server", "rule", "owner", "acknowledged_by", "incident")


def lines_of(server: Server, user: User, asked: str, *, now: datetime) -> list[Line]:
    """Those that apply, and the defaults that are switched off here."""
    applying = rules.applying_to(server)
    bases = {rule.base for rule in applying}
    off = [rule for rule in AlertRule.objects.defaults() if rule.pk not in bases]
    standings = {
        standing.rule_id: standing
        for standing in AlertStanding.objects.filter(server=server, owner_id=server.owner_id)
    }
    return [
        line_of(rule, server, user, standings.get(rule.pk), rule in off, asked, now=now)
        for rule in [*applying, *off]
    ]


def line_of(
    rule: AlertRule,
    server: Server,
    user: User,
    standing: AlertStanding | None,
    is_off: bool,
    asked: str,
    *,
    now: datetime,
) -> Line:
    is_asked = asked == str(rule.pk)
    return Line(
        rule=rule,
        sentence=rule_words.of_server(rule),
        state="" if standing is None or is_off else standing.state,
        words=_("off here") if is_off else standing_words(rule, standing, now=now),
        may_change=rule.owner_id is not None and may_change(user, rule),
        is_own_of_server=rule.server_id == server.pk,
        is_off=is_off,
        why=silence.explain_silence(rule, server, person=user, now=now) if is_asked else None,
    )


def standing_words(rule: AlertRule, standing: AlertStanding | None, *, now: datetime) -> str:
    """“crossed for 4 min, fires after 10 min”"""
    if standing is None:
        return _("fine")
    since = datetime.fromtimestamp(standing.since, UTC)
    words = {
        "time": about((now - since) / timedelta(seconds=1)),
        "held": wording.duration(rule.duration),
    }
    match State(standing.state):
        case State.PENDING:
            return _("crossed for %(time)s, fires after %(held)s") % words
        case State.FIRING:
            return _("fires, crossed for %(time)s") % words
        case State.MISSING | State.NO_DATA:
            return _("no values for %(time)s") % words
    return _("fine")


def mutes_of(server: Server, user: User, *, now: datetime) -> list[Mute]:
    """What silences anything here."""
    here = Q(server=server) | Q(server=None)
    own = mutes.in_force(now).filter(here, owner=user)
    return list(own.select_related("rule", "server"))
