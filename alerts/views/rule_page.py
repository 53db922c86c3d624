"""Making and changing a rule, and trying it on the last seven days before it is saved."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import idempotency
from accounts.models import User
from alerts import destinations, rule_words, rules
from alerts.metrics import Metric
from alerts.models import AlertRule
from alerts.views import trying
from alerts.views.door import once, signed_in
from alerts.views.rule_form import RuleForm, initial_of, metric_facts
from alerts.views.rules import LIST, may_change, rule_for
from alerts.views.trying import TryRule
from servers.models import Server
from servers.operations import Invalid
from servers.views import controls
from servers.views.actions import actor_of, is_fetched, see_other

METHODS = ["GET", "HEAD", "POST"]
# So many servers' file systems are proposed.
MOST_PROPOSED = 200


@require_http_methods(METHODS)
@signed_in
def rule_new(request: HttpRequest, user: User, try_rule: TryRule | None = None) -> HttpResponse:
    """From nothing, as a copy, or instead of a default."""
    replaces, model = origin(request, user)
    page = Page(request, user, user, try_rule, replaces=replaces)
    if request.method == "POST":
        return page.answered()
    known = initial_of(model or suggested(user))
    return page.show(page.form(initial={**known, **asked_for(request, user)}))


@require_http_methods(METHODS)
@signed_in
def rule_detail(
    request: HttpRequest, user: User, pk: int, try_rule: TryRule | None = None
) -> HttpResponse:
    rule = rule_for(user, pk)
    if not may_change(user, rule):
        if rule.owner_id is None and request.method != "POST":
            return redirect(f"../new/?replaces={rule.pk}")
        raise PermissionDenied
    page = Page(request, user, rule.owner, try_rule, rule=rule, replaces=rule.replaces)
    if request.method == "POST":
        return page.answered()
    return page.show(page.form(initial=initial_of(rule)))


class Page:
    """The form of one rule, with what comes of it."""

    def __init__(
        self,
        request: HttpRequest,
        user: User,
        owner: User | None,
        try_rule: TryRule | None,
        *,
        rule: AlertRule | None = None,
        replaces: AlertRule | None = None,
    ) -> None:
        self.request = request
        self.user = user
        self.owner = owner
        self.try_rule = try_rule
        self.rule = rule
        self.replaces = replaces
        self.servers = servers_to_try(user, owner)

    def form(self, *args: Any, **kwargs: Any) -> RuleForm:
        if self.owner is not None:
            destinations.own_mail(self.owner, datetime.now(UTC))
        known = self.rule or self.replaces
        remind = known.remind_every if known else None
        return RuleForm(self.owner, *args, remind=remind, **kwargs)

    def answered(self) -> HttpResponse:
        form = self.form(self.request.POST)
        if "try" in self.request.POST:
            return self.tried(form)
        if form.is_valid():
            try:
                self.save(form)
            except Invalid as error:
                form.refuse(error)
            else:
                messages.success(self.request, _("Saved."))
                return see_other(LIST)
        return self.show(form, status=400)

    def save(self, form: RuleForm) -> None:
        actor, now = actor_of(self.request), datetime.now(UTC)
        channels = form.chosen_channels
        if self.rule is not None:
            rules.change(self.rule, form.wish, channels=channels, actor=actor, now=now)
            return

        def act() -> idempotency.Reply:
            made = rules.create(
                self.owner,
                form.wish,
                replaces=self.replaces,
                channels=channels,
                actor=actor,
                now=now,
            )
            return 201, {"rule": made.pk}

        once(self.request, self.user, "rule", act)

    def tried(self, form: RuleForm) -> HttpResponse:
        server = self.server_to_try()
        trial = None
        if form.is_valid() and server and self.try_rule:
            try:
                draft = self.draft(form)
            except Invalid as error:
                form.refuse(error)
            else:
                trial = trying.trial_of(
                    self.try_rule, draft, server, person=self.owner, viewer=self.user
                )
        if is_fetched(self.request):
            context = {"trial": trial, "form": form}
            return render(self.request, "alerts/trial.html", context)
        return self.show(form, trial=trial, server=server)

    def draft(self, form: RuleForm) -> AlertRule:
        """As it would be, checked, and not saved."""
        return rules.draft(self.owner, form.wish, replaces=self.replaces)

    def server_to_try(self) -> Server | None:
        wanted = self.request.POST.get("trial", "") or self.request.POST.get("server", "")
        found = [server for server in self.servers if str(server.pk) == wanted]
        return found[0] if found else self.proposed(None)

    def proposed(self, server: Server | None) -> Server | None:
        """The one that it is for, or one that has something to try it on."""
        if server in self.servers:
            return server
        running = [each for each in self.servers if each.status == Server.Status.RUNNING]
        return next(iter(running or self.servers), None)

    def show(self, form: RuleForm, *, status: int = 200, **more: object) -> HttpResponse:
        context = {
            "tab": "rules",
            "form": form,
            "rule": self.rule,
            "owner": self.owner,
            "replaces": self.replaces,
            "replaced": rule_words.sentence(self.replaces) if self.replaces else "",
            "servers": self.servers,
            "server": self.proposed(form.initial.get("server")),
            "mountpoints": mountpoints_of(self.servers),
            "metrics": metric_facts(),
            "key": controls.new_key(),
            **more,
        }
        return render(self.request, "alerts/rule_form.html", context, status=status)


def origin(request: HttpRequest, user: User) -> tuple[AlertRule | None, AlertRule | None]:
    """The default that it stands instead of, and the rule that it is made after."""
    wish = request.POST if request.method == "POST" else request.GET
    if wish.get("replaces", "").isdecimal():
        replaced = rule_for(user, int(wish["replaces"][:18]))
        return replaced, replaced
    if wish.get("copy", "").isdecimal():
        copied = rule_for(user, int(wish["copy"][:18]))
        return copied.replaces, copied
    return None, None


def suggested(user: User) -> AlertRule:
    """What the form begins with: nothing is saved of it."""
    return AlertRule(owner=user, metric=Metric.CPU, threshold=0.9, duration=600)


def asked_for(request: HttpRequest, user: User) -> dict[str, object]:
    """The server whose page led here."""
    wanted = request.GET.get("server", "")
    if not wanted.isdecimal():
        return {}
    server = Server.objects.filter(owner=user, pk=int(wanted[:18])).first()
    return {"scope": "server", "server": server} if server else {}


def servers_to_try(user: User, owner: User | None) -> list[Server]:
    """Of whose rule it is; of a default whatever the staff see."""
    seen = Server.objects.visible_to(user).exclude(status=Server.Status.GONE)
    if owner is not None:
        seen = seen.filter(owner=owner)
    return list(seen.order_by("name", "pk")[:MOST_PROPOSED])


def mountpoints_of(servers: Sequence[Server]) -> list[str]:
    """As guest agents told of them."""
    told = Server.objects.filter(pk__in=[server.pk for server in servers]).values_list(
        "guest_disk__file_systems", flat=True
    )
    return sorted({str(each["mountpoint"]) for found in told for each in found or ()})
