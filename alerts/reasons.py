"""In words: what happened to an alert, and why nobody was told of it."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from alerts import wording
from alerts.channels import CHANNELS
from alerts.decide import Reason
from alerts.models import Alert, AlertEvent, Notification

Kind = AlertEvent.Kind


def of_event(event: AlertEvent, alert: Alert, person: User) -> str:
    """One sentence about what happened then."""
    match event.kind:
        case Kind.FIRED:
            return fired(alert)
        case Kind.ENDED:
            return ended(alert)
        case Kind.HELD:
            return held(event.reason, event.until, person)
        case Kind.NOT_TOLD:
            return not_told(event.reason)
    if event.notification and event.kind in TOLD_TO:
        return told(str(TOLD_TO[event.kind]), event.notification)
    return str(SENTENCES[event.kind])


def told(sentence: str, notification: Notification) -> str:
    """To whom, and whether it has got there."""
    words = {"address": notification.address, "kind": kind_of(notification)}
    return " ".join([sentence % words, *map(str, NOT_THERE.get(notification.status, ()))])


NOT_THERE = {
    Notification.Status.PENDING.value: (gettext_lazy("It is on its way."),),
    Notification.Status.FAILED.value: (gettext_lazy("It has not got through yet."),),
    Notification.Status.GIVEN_UP.value: (gettext_lazy("It did not get through."),),
}


def kind_of(notification: Notification) -> str:
    """Of the channel, in words where it is still known."""
    kind = notification.channel_kind
    return str(CHANNELS[kind].label) if kind in CHANNELS else kind


TOLD_TO = {
    Kind.TOLD.value: gettext_lazy("It was told to %(address)s (%(kind)s)."),
    Kind.REMINDED.value: gettext_lazy("A reminder went to %(address)s (%(kind)s)."),
    Kind.TOLD_RECOVERY.value: gettext_lazy("That it is over was told to %(address)s (%(kind)s)."),
}
SENTENCES = {
    Kind.TOLD.value: gettext_lazy("It was told."),
    Kind.REMINDED.value: gettext_lazy("A reminder was told."),
    Kind.TOLD_RECOVERY.value: gettext_lazy("That it is over was told."),
    Kind.ACKNOWLEDGED.value: gettext_lazy("It was acknowledged."),
    Kind.UNACKNOWLEDGED.value: gettext_lazy("The acknowledgement was taken back."),
}


def fired(alert: Alert) -> str:
    if alert.value is None or alert.threshold is None:
        return _("It fired: %(condition)s.") % {"condition": wording.condition_of(alert)}
    return _("It fired: %(condition)s; the value was %(value)s.") % {
        "condition": wording.condition_of(alert),
        "value": wording.value_text(alert.metric, alert.value),
    }


def ended(alert: Alert) -> str:
    sentence = wording.end_reason(alert)
    if alert.end_value is None or alert.threshold is None:
        return sentence
    value = wording.value_text(alert.metric, alert.end_value)
    return _("%(sentence)s The value was %(value)s.") % {"sentence": sentence, "value": value}


def held(reason: str, until: datetime | None, person: User) -> str:
    """Nothing is told now."""
    when = None if until is None else wording.moment(until, person)
    if when is not None and reason == Reason.REMINDER:
        return _("The next reminder is due %(when)s.") % {"when": when}
    why = HELD.get(reason, NOTHING)
    if when is None:
        return _("%(why)s Nothing is told until that is taken back.") % {"why": why}
    return _("%(why)s Nothing is told until %(when)s.") % {"why": why, "when": when}


def not_told(reason: str) -> str:
    """Nothing will be told."""
    return str(NOT_TOLD.get(reason, NOTHING))


def withheld(reason: str, until: datetime | None) -> str:
    """The same without saying when: of a time that never was."""
    return str(HELD.get(reason, NOTHING)) if until else not_told(reason)


NOTHING = gettext_lazy("Nothing was told.")
HELD = {
    Reason.COOLDOWN.value: gettext_lazy("Of this rule and server something was told lately."),
    Reason.QUIET.value: gettext_lazy("It is within your quiet hours."),
    Reason.MUTED.value: gettext_lazy("It is muted."),
    Reason.MAINTENANCE.value: gettext_lazy("It is within a maintenance window."),
}
NOT_TOLD = {
    Reason.ACKNOWLEDGED.value: gettext_lazy("Nothing more was told: it was acknowledged."),
    Reason.OVER.value: gettext_lazy("Nothing was told: it was over before it could be."),
    Reason.NOT_WANTED.value: gettext_lazy("Nothing more was told: the rule does not ask for it."),
    Reason.UNTOLD.value: gettext_lazy("Its end was not told, as nobody was told that it fired."),
    Reason.ENDED_OTHERWISE.value: gettext_lazy(
        "Its end was not told: it did not recover, but ceased."
    ),
    Reason.NO_CHANNEL.value: gettext_lazy(
        "Nothing was told: there is no channel that can be used."
    ),
    Reason.NO_OWNER.value: gettext_lazy("Nobody was told: the server has no owner."),
    Reason.OWNER_CHANGED.value: gettext_lazy("The server has another owner."),
    Reason.FAULT.value: gettext_lazy("One message about the host's fault stands for it."),
    Reason.MUTED.value: gettext_lazy("Its end was not told: it is muted."),
}
WITH_THE_FAULT = gettext_lazy("Its end is told with that of the host's fault.")
