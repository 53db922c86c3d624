"""How a person wants to be told: when not, in which language, by which clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, profile
from accounts.audit import Actor
from accounts.models import User
from alerts import episodes
from alerts.models import Alert, AlertPreferences
from servers.operations import Invalid

OF_PERSON = ("language", "time_zone")
OF_ALERTS = ("quiet_from", "quiet_until", "critical_anyway", "incidents")
FIELDS = (*OF_ALERTS, *OF_PERSON)


def of(user: User) -> AlertPreferences:
    """As they are; of who never changed any, the usual ones, which are not stored."""
    kept = AlertPreferences.objects.filter(user=user).first()
    return kept or AlertPreferences(user=user)


def change(
    user: User, wish: Mapping[str, Any], *, actor: Actor, now: datetime
) -> AlertPreferences:
    """What the wish names of FIELDS is changed. Raises Invalid.

    What was held back by quiet hours is decided anew.
    """
    check_person(user, wish)
    with transaction.atomic():
        AlertPreferences.objects.get_or_create(user=user)
        kept = AlertPreferences.objects.select_for_update().get(user=user)
        before = {name: value_of(user, kept, name) for name in FIELDS}
        for name in FIELDS:
            if name in wish:
                setattr(user if name in OF_PERSON else kept, name, wish[name])
        check_hours(kept)
        after = {name: value_of(user, kept, name) for name in FIELDS}
        changed = {name: after[name] for name in FIELDS if after[name] != before[name]}
        if changed:
            kept.save(update_fields=OF_ALERTS)
            user.save(update_fields=OF_PERSON)
            clock_changed(user, now=now)
            note(user, changed, actor, now)
    return kept


def clock_changed(user: User, *, now: datetime) -> None:
    """Quiet hours begin and end by the person's time zone: what they hold back is decided anew."""
    episodes.decide_again(Alert.objects.filter(owner=user, tell_at__gt=now), now=now)


def value_of(user: User, kept: AlertPreferences, name: str) -> Any:
    return getattr(user if name in OF_PERSON else kept, name)


def check_person(user: User, wish: Mapping[str, Any]) -> None:
    try:
        profile.check({name: wish[name] for name in OF_PERSON if name in wish})
    except profile.BadChoice as error:
        raise Invalid(error.field, str(error)) from error
    if "incidents" in wish and not user.is_staff:
        raise Invalid("incidents", _("Incidents are told to staff alone."))


def check_hours(kept: AlertPreferences) -> None:
    if (kept.quiet_from is None) != (kept.quiet_until is None):
        missing = "quiet_from" if kept.quiet_from is None else "quiet_until"
        raise Invalid(missing, _("Quiet hours have a beginning and an end."))
    if kept.quiet_from is not None and kept.quiet_from == kept.quiet_until:
        raise Invalid("quiet_until", _("They would end as they begin."))


def note(user: User, changed: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    audit.record(
        "alerts.preferences_changed",
        actor=actor,
        now=now,
        object_type="user",
        object_id=user.pk,
        details={
            name: value if isinstance(value, bool) else value and str(value)
            for name, value in changed.items()
        },
    )
