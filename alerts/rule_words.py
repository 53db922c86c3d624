"""A rule as one sentence: what it watches, where, how severe, who is told where."""

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from alerts import wording
from alerts.channels import CHANNELS
from alerts.metrics import FLAGS, Metric, Trust
from alerts.models import Alert, AlertRule, NotificationChannel

NO_BREAK = "\u00a0"


def tight(text: str) -> str:
    """A number and its unit do not part at the end of a line."""
    return text.replace(" %", f"{NO_BREAK}%")


def condition_of(item: AlertRule | Alert) -> str:
    return tight(wording.condition_of(item))


def scope_of(rule: AlertRule) -> str:
    """Where it applies, as one phrase."""
    if rule.server is not None:
        return rule.server.name
    if rule.label:
        return _("your servers with the label %(label)s") % {"label": rule.label}
    return _("all servers") if rule.owner_id is None else _("all your servers")


def sentence(rule: AlertRule, channels: list[NotificationChannel] | None = None) -> str:
    """“CPU above 90 % for 10 min on all your servers: a warning, told on all channels.”

    `channels` are those that the rule names; None where that is nobody's business.
    """
    words = {
        "condition": capfirst(wording.condition_of(rule)),
        "scope": scope_of(rule),
        "severity": wording.severity(rule),
    }
    first = _("%(condition)s on %(scope)s: %(severity)s") % words
    parts = [first, *([] if channels is None else [told_on(channels)]), *extras(rule)]
    return tight(", ".join(parts)) + "."


def of_server(rule: AlertRule) -> str:
    """The same for one server, where its scope goes without saying."""
    words = {"condition": capfirst(wording.condition_of(rule))}
    first = _("%(condition)s: %(severity)s") % {**words, "severity": wording.severity(rule)}
    return tight(", ".join([first, *extras(rule)])) + "."


def told_on(channels: list[NotificationChannel]) -> str:
    if not channels:
        return _("told on all your channels")
    return _("told on %(channels)s") % {"channels": ", ".join(map(name_of, channels))}


def name_of(channel: NotificationChannel) -> str:
    """What its owner calls it, or where it leads."""
    return channel.name or where(channel)


def where(channel: NotificationChannel) -> str:
    target = channel.owner.email if channel.own_address else channel.target
    return CHANNELS[channel.kind].shown(target) if channel.kind in CHANNELS else channel.kind


def extras(rule: AlertRule) -> list[str]:
    """What of it is not as usual."""
    found = []
    if has_other_end(rule):
        bound = wording.value_text(rule.metric, rule.clear_at)
        found.append(_("recovers at %(value)s") % {"value": bound})
    if rule.remind_every:
        every = wording.duration(rule.remind_every)
        found.append(_("with a reminder every %(duration)s") % {"duration": every})
    if not rule.tell_recovery:
        found.append(_("no word of the recovery"))
    if rule.trust == Trust.FRESH:
        found.append(_("only by fresh values"))
    if rule.trust == Trust.GUEST:
        found.append(_("only by values from inside the server"))
    if rule.no_data:
        found.append(_("also when nothing is measured any more"))
    if rule.even_intended:
        found.append(_("even if it was done on purpose"))
    return found


def has_other_end(rule: AlertRule) -> bool:
    return Metric(rule.metric) not in FLAGS and rule.clear_at not in (None, rule.threshold)
