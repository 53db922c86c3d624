"""The rules of a person: the defaults with what stands instead of them, and those of their own."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.models import User
from alerts import rule_words, rulebook, rules
from alerts.models import AlertRule
from alerts.views.door import signed_in
from servers.operations import Invalid
from servers.views.actions import actor_of, see_other

LIST = "alert-rules"


@dataclass
class Line:
    """A rule in the list. Of a default: `instead` are the person's rules that stand in its place,
    and `everywhere` is that for all of their servers, if there is one."""

    rule: AlertRule
    sentence: str
    may_change: bool
    instead: list["Line"] = field(default_factory=list)

    @property
    def everywhere(self) -> AlertRule | None:
        for line in self.instead:
            if line.rule.server_id is None and not line.rule.label:
                return line.rule
        return None


@require_safe
@signed_in
def rule_list(request: HttpRequest, user: User) -> HttpResponse:
    rulebook.revision_now()
    own = [line_of(rule, user) for rule in with_all(AlertRule.objects.filter(owner=user))]
    defaults = [line_of(rule, user) for rule in with_all(AlertRule.objects.defaults())]
    by_default = {line.rule.pk: line for line in defaults}
    for line in own:
        if line.rule.replaces_id in by_default:
            by_default[line.rule.replaces_id].instead.append(line)
    context = {
        "tab": "rules",
        "defaults": defaults,
        "own": [line for line in own if line.rule.replaces_id not in by_default],
        "most": rules.MOST_RULES,
    }
    return render(request, "alerts/rules.html", context)


@require_POST
@signed_in
def rule_switch(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """On or off. A default that is not theirs to change is replaced for all of their servers."""
    rule = rule_for(user, pk)
    wish = {"enabled": "on" in request.POST}
    actor, now = actor_of(request), datetime.now(UTC)
    try:
        if may_change(user, rule):
            rules.change(rule, wish, actor=actor, now=now)
        else:
            switch_default(user, rule, wish, actor, now)
    except Invalid as error:
        messages.error(request, str(error))
    return see_other(LIST)


def switch_default(
    user: User, rule: AlertRule, wish: dict[str, bool], actor: Actor, now: datetime
) -> None:
    if rule.owner_id is not None:
        raise PermissionDenied
    everywhere = AlertRule.objects.filter(owner=user, replaces=rule, server=None, label="").first()
    if everywhere is not None:
        rules.change(everywhere, wish, actor=actor, now=now)
    elif not wish["enabled"]:
        rules.create(user, wish, replaces=rule, actor=actor, now=now)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def rule_delete(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    rule = rule_for(user, pk)
    if not may_change(user, rule):
        raise PermissionDenied
    if request.method != "POST":
        context = {"tab": "rules", "line": line_of(rule, user)}
        return render(request, "alerts/rule_delete.html", context)
    rules.delete(rule, actor=actor_of(request), now=datetime.now(UTC))
    messages.success(request, _("Deleted."))
    return redirect(LIST)


def with_all(found: QuerySet[AlertRule]) -> QuerySet[AlertRule]:
    return found.select_related("server", "owner", "replaces").prefetch_related("channels__owner")


def rule_for(user: User, pk: int) -> AlertRule:
    try:
        return rules.rule_for(user, pk)
    except AlertRule.DoesNotExist as error:
        raise Http404 from error


def may_change(user: User, rule: AlertRule) -> bool:
    """One's own; staff with the right to it those of everybody, and the defaults."""
    if rule.owner_id == user.pk:
        return True
    return user.is_staff and user.has_perm("alerts.change_alertrule")


def line_of(rule: AlertRule, viewer: User) -> Line:
    channels = list(rule.channels.all()) if rule.owner_id == viewer.pk else None
    return Line(rule, rule_words.sentence(rule, channels), may_change(viewer, rule))
