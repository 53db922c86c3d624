"""The default rules, which are the staff's to make; those of customers are to be read."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import Actor
from accounts.models import Source
from alerts import rule_words, rules
from alerts.metrics import Metric
from alerts.models import AlertRule
from alerts.views.rule_form import MINUTE, entered, out_of_range, reminders, stored
from servers.operations import Invalid

SAME = ("metric", "mountpoint", "condition", "severity", "trust", "no_data", "even_intended",
        "tell_recovery", "enabled")  # fmt: skip


class DefaultRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """In the units that people think in, as on the pages; checked and stored by alerts.rules."""

    threshold = forms.FloatField(
        label=_("Threshold"), required=False, help_text=_("In %, MB/s or days, by the metric.")
    )
    clear_at = forms.FloatField(
        label=_("Recovers at"), required=False, help_text=_("In the same unit. Empty is the same.")
    )
    minutes = forms.FloatField(label=_("For so many minutes"), initial=0, min_value=0)
    remind_every = forms.TypedChoiceField(
        label=_("Reminders"), required=False, coerce=int, empty_value=None
    )

    class Meta:
        model = AlertRule
        fields = SAME

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = self.instance
        self.fields["remind_every"].choices = reminders(rule.remind_every)  # type: ignore[attr-defined]
        if rule.pk:
            metric = Metric(rule.metric)
            self.initial.update(
                threshold=entered(metric, rule.threshold),
                clear_at=entered(metric, rule.clear_at),
                minutes=f"{rule.duration / MINUTE:.10g}",
                remind_every=rule.remind_every,
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "metric" in cleaned:
            for name, words in out_of_range(Metric(cleaned["metric"]), cleaned):
                self.add_error(name, words)
        if not self.errors:
            try:
                rules.draft(None, self.wish_of(cleaned))
            except Invalid as error:
                self.add_error(FIELDS.get(error.field, error.field), str(error))
        return cleaned

    @staticmethod
    def wish_of(cleaned: dict[str, Any]) -> dict[str, Any]:
        metric = Metric(cleaned["metric"])
        return {
            **{name: cleaned[name] for name in SAME},
            "threshold": stored(metric, cleaned["threshold"]),
            "clear_at": stored(metric, cleaned["clear_at"]),
            "duration": round(cleaned["minutes"] * MINUTE),
            "remind_every": cleaned["remind_every"],
        }


# What the form calls otherwise than the rule.
FIELDS = {"duration": "minutes"}


class Whose(admin.SimpleListFilter):
    title = _("whose")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("default", _("defaults")), ("customer", _("of customers"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("default", "customer"):
            return queryset.filter(owner__isnull=self.value() == "default")
        return queryset


@admin.register(AlertRule)
class AlertRuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = DefaultRuleForm
    list_display = ("sentence", "owner", "severity", "enabled")
    list_filter = (Whose, "metric", "severity", "enabled")
    search_fields = ("owner__email", "server__name", "label")
    search_help_text = _("Mail address of the owner, name of the server, or label")
    list_select_related = ("owner", "server", "replaces")
    # Each is deleted by itself: what that ends is said first.
    actions = None

    @admin.display(description=_("rule"), ordering="metric")
    def sentence(self, rule: AlertRule) -> str:
        return rule_words.sentence(rule)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_theirs = obj is not None and obj.owner_id is not None
        return not is_theirs and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may_change = self.has_change_permission(request, obj)
        return may_change and super().has_delete_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.has_change_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return ("sentence", "owner", "replaces", "server", "label", "enabled", "updated_at")
        first = ("metric", "mountpoint", "condition", "threshold", "clear_at", "minutes")
        return (*first, "severity", "remind_every", *SAME[4:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("sentence", "updated_at") if obj is not None else ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What customers have instead of it goes with it, though it cannot be deleted by itself."""
        listed, counts, _lacking, protected = super().get_deleted_objects(objs, request)
        return listed, counts, set(), protected

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, now = Actor.of(request, Source.ADMIN), timezone.now()
        wish = form.wish_of(form.cleaned_data)
        if change:
            # As it is stored: the form has written into `obj` already.
            rules.change(AlertRule.objects.get(pk=obj.pk), wish, actor=actor, now=now)
        else:
            obj.pk = rules.create(None, wish, actor=actor, now=now).pk

    def delete_model(self, request: HttpRequest, obj: AlertRule) -> None:
        rules.delete(obj, actor=Actor.of(request, Source.ADMIN), now=timezone.now())
