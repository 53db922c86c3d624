"""The form of a rule, in the units that people think in: %, MB/s, days, minutes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from alerts import rules, wording
from alerts.metrics import FLAGS, KINDS, MEASURED, TOLD_BY_GUEST, Metric, Trust, Unit
from alerts.models import AlertRule, NotificationChannel, Severity
from alerts.models import Metric as MetricChoices
from alerts.rule_words import name_of
from servers.models import Server
from servers.operations import Invalid

ALL, LABEL, SERVER = "all", "label", "server"
MINUTE, HOUR, DAY = 60, 3600, 86400
# A unit as people enter it, and how many of the stored ones it is.
SHOWN: dict[Unit, tuple[str, float]] = {
    Unit.FRACTION: ("%", 0.01),
    Unit.RATE: ("MB/s", 1e6),
    Unit.SECONDS: ("d", float(DAY)),
}
REMINDERS = (HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)
INPUT = {"class": "input"}
NUMBER = {"class": "input", "step": "any", "inputmode": "decimal"}


class RuleForm(forms.Form):
    """`owner` is whose rule it is, None for a default, which has no scope and no channels."""

    scope = forms.ChoiceField(
        label=_("Where"),
        choices=[
            (ALL, _("On all my servers")),
            (LABEL, _("On servers with a label")),
            (SERVER, _("On one server")),
        ],
        widget=forms.RadioSelect,
    )
    label = forms.CharField(
        label=_("Label"),
        required=False,
        max_length=127,
        widget=forms.TextInput(attrs={**INPUT, "placeholder": "env=prod", "autocomplete": "off"}),
    )
    server = forms.ModelChoiceField(
        label=_("Server"),
        queryset=Server.objects.none(),
        required=False,
        empty_label="–",
        widget=forms.Select(attrs=INPUT),
    )
    metric = forms.ChoiceField(
        label=_("What is watched"), choices=MetricChoices.choices, widget=forms.Select(attrs=INPUT)
    )
    mountpoint = forms.CharField(
        label=_("File system"),
        required=False,
        max_length=255,
        widget=forms.TextInput(
            attrs={**INPUT, "placeholder": _("any"), "list": "mountpoints"}
            | {"autocomplete": "off", "spellcheck": "false"}
        ),
        help_text=_("As the server calls it, such as /var. Left empty, the fullest one counts."),
    )
    condition = forms.ChoiceField(
        label=_("Is"),
        choices=AlertRule.Condition.choices,
        required=False,
        widget=forms.Select(attrs=INPUT),
    )
    threshold = forms.FloatField(
        label=_("Threshold"), required=False, widget=forms.NumberInput(attrs=NUMBER)
    )
    duration = forms.FloatField(
        label=_("For so many minutes"),
        required=False,
        min_value=0,
        max_value=rules.LONGEST_DURATION / MINUTE,
        widget=forms.NumberInput(attrs={**NUMBER, "min": "0"}),
        help_text=_("It fires once it was so all that time. 0 is at once."),
    )
    clear_at = forms.FloatField(
        label=_("Recovers at"),
        required=False,
        widget=forms.NumberInput(attrs=NUMBER),
        help_text=_("So that it does not come and go around the threshold. Empty is the same."),
    )
    severity = forms.ChoiceField(
        label=_("Severity"),
        choices=[(value, capfirst(label)) for value, label in Severity.choices],
        widget=forms.Select(attrs=INPUT),
    )
    trust = forms.ChoiceField(
        label=_("Values to believe"),
        choices=[(value, capfirst(label)) for value, label in AlertRule.Trust.choices],
        required=False,
        widget=forms.Select(attrs=INPUT),
    )
    remind_every = forms.TypedChoiceField(
        label=_("Reminders while it lasts"),
        required=False,
        coerce=int,
        empty_value=None,
        widget=forms.Select(attrs=INPUT),
    )
    tell_recovery = forms.BooleanField(label=_("Tell of the recovery, too"), required=False)
    no_data = forms.BooleanField(label=_("Also when nothing is measured any more"), required=False)
    even_intended = forms.BooleanField(
        label=_("Even of what was done on purpose: stopped, restarted, backed up"), required=False
    )
    channels = forms.MultipleChoiceField(
        label=_("Told on"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked is all of your channels."),
    )

    def __init__(self, owner: User | None, *args: Any, remind: int | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["remind_every"].choices = reminders(remind)  # type: ignore[attr-defined]
        self.known: dict[str, NotificationChannel] = {}
        if owner is None:
            for name in ("scope", "label", "server", "channels"):
                del self.fields[name]
            return
        servers = Server.objects.filter(owner=owner).exclude(status=Server.Status.GONE)
        server: Any = self.fields["server"]
        server.queryset = servers.order_by("name", "pk")
        server.label_from_instance = lambda each: each.name
        channels = NotificationChannel.objects.filter(owner=owner).select_related("owner")
        self.known = {str(channel.pk): channel for channel in channels}
        self.fields["channels"].choices = [  # type: ignore[attr-defined]
            (key, name_of(channel)) for key, channel in self.known.items()
        ]

    @property
    def chosen_channels(self) -> list[NotificationChannel]:
        return [self.known[key] for key in self.cleaned_data.get("channels", ())]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("scope") == LABEL and not cleaned.get("label"):
            self.add_error("label", now_("Enter the label."))
        is_missing = not cleaned.get("server") and "server" not in self.errors
        if cleaned.get("scope") == SERVER and is_missing:
            self.add_error("server", now_("Choose the server."))
        if "metric" in cleaned and Metric(cleaned["metric"]) not in FLAGS:
            self.check_numbers(Metric(cleaned["metric"]), cleaned)
        return cleaned

    def check_numbers(self, metric: Metric, cleaned: Mapping[str, Any]) -> None:
        if cleaned.get("threshold") is None and "threshold" not in self.errors:
            self.add_error("threshold", now_("Enter a threshold."))
        for name, words in out_of_range(metric, cleaned):
            self.add_error(name, words)

    @property
    def wish(self) -> dict[str, Any]:
        """As alerts.rules takes it. What the metric has no use for is left at nothing."""
        cleaned = self.cleaned_data
        metric = Metric(cleaned["metric"])
        return {
            "metric": metric.value,
            "condition": str(rules.CONDITIONS.get(metric) or cleaned["condition"] or ABOVE),
            "mountpoint": cleaned["mountpoint"] if metric == Metric.DISK else "",
            "threshold": stored(metric, cleaned["threshold"]),
            "clear_at": stored(metric, cleaned["clear_at"]),
            "duration": 0
            if metric in rules.NOT_HELD
            else round((cleaned["duration"] or 0) * MINUTE),
            "severity": cleaned["severity"],
            "trust": believed(metric, cleaned["trust"]),
            "no_data": cleaned["no_data"] and metric in MEASURED,
            "even_intended": cleaned["even_intended"],
            "tell_recovery": cleaned["tell_recovery"],
            "remind_every": cleaned["remind_every"],
            **self.place,
        }

    @property
    def place(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if "scope" not in cleaned:
            return {}
        scope = cleaned["scope"]
        return {
            "server": cleaned["server"] if scope == SERVER else None,
            "label": cleaned["label"] if scope == LABEL else "",
        }

    def refuse(self, error: Invalid) -> None:
        self.add_error(error.field if error.field in self.fields else None, str(error))


def out_of_range(metric: Metric, cleaned: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Which numbers, and why, in the unit in which they were entered."""
    if metric in FLAGS:
        return
    unit, factor = SHOWN[KINDS[metric].unit]
    highest = KINDS[metric].highest / factor
    for name in ("threshold", "clear_at"):
        number = cleaned.get(name)
        if number is not None and not 0 <= number <= highest:
            words = {"highest": wording.short(highest), "unit": unit}
            yield name, now_("It must be from 0 to %(highest)s %(unit)s.") % words


ABOVE = AlertRule.Condition.GREATER_THAN.value


def stored(metric: Metric, number: float | None) -> float | None:
    """From the unit of the form to that of the metric; not 0.07000000000000001."""
    if number is None or metric in FLAGS:
        return None
    return round(number * SHOWN[KINDS[metric].unit][1], 9)


def entered(metric: Metric, number: float | None) -> str:
    """From the unit of the metric to that of the form, so that saving it again changes nothing."""
    if number is None or metric in FLAGS:
        return ""
    return f"{number / SHOWN[KINDS[metric].unit][1]:.15g}"


def believed(metric: Metric, trust: str) -> str:
    """No guest tells of its processor or its network, and what is not measured is not old."""
    if metric not in MEASURED or (trust == Trust.GUEST and metric not in TOLD_BY_GUEST):
        return Trust.ANY.value
    return trust or Trust.ANY.value


def reminders(present: int | None) -> list[tuple[object, str]]:
    """Those to choose from, and the one that an API client may have set."""
    every = sorted({*REMINDERS, *([present] if present else [])})
    words = now_("every %(duration)s")
    named = [(seconds, words % {"duration": wording.duration(seconds)}) for seconds in every]
    return [("", now_("none")), *named]


def initial_of(rule: AlertRule) -> dict[str, object]:
    """A rule as the form shows it."""
    metric = Metric(rule.metric)
    scope = SERVER if rule.server_id else LABEL if rule.label else ALL
    same = ("label", "server", "metric", "mountpoint", "condition", "severity", "trust")
    options = ("remind_every", "tell_recovery", "no_data", "even_intended")
    return {
        **{name: getattr(rule, name) for name in (*same, *options)},
        "scope": scope,
        "threshold": entered(metric, rule.threshold),
        "clear_at": entered(metric, rule.clear_at),
        "duration": f"{rule.duration / MINUTE:.10g}",
        "channels": [str(channel.pk) for channel in rule.channels.all()] if rule.pk else [],
    }


def metric_facts() -> dict[str, dict[str, object]]:
    """What the form shows for each metric, for static/js/alert-rule.js."""
    return {metric.value: facts_of(metric) for metric in Metric}


def facts_of(metric: Metric) -> dict[str, object]:
    unit = KINDS[metric].unit
    return {
        "unit": SHOWN[unit][0] if unit in SHOWN else "",
        "has": sorted(fields_of(metric)),
        "condition": str(rules.CONDITIONS.get(metric, "")),
    }


def fields_of(metric: Metric) -> Iterable[str]:
    """Those that only some metrics have."""
    if metric not in FLAGS:
        yield from ("threshold", "clear_at")
        if metric not in rules.CONDITIONS:
            yield "condition"
    if metric not in rules.NOT_HELD:
        yield "duration"
    if metric == Metric.DISK:
        yield "mountpoint"
    if metric in MEASURED:
        yield from ("no_data", "trust")
