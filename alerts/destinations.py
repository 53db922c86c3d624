"""The ways a person is told by: added, confirmed, changed, tried, and switched off when refused."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts import audit
from accounts.audit import SYSTEM, Actor
from accounts.models import User
from alerts import episodes, failings, letters, links, outbox
from alerts.channels import CHANNELS, MAIL
from alerts.channels.base import Channel, Secret
from alerts.models import Alert, Notification, NotificationChannel
from alerts.plain import one_line
from servers.access import MayNot
from servers.operations import Invalid
from servers.secrets import seal, unseal

MOST = 20
LONGEST_NAME = 64
# Notices to other people's addresses are what strangers could be pestered with.
CONFIRMATIONS_A_DAY = 20
TESTS_A_MINUTE = 5
REMOVED = failings.REMOVED

Kind = Notification.Kind


class TooOften(Exception):
    """`str()` says what, and when it can be had again."""


# Who is told by what


def own_mail(user: User, now: datetime) -> NotificationChannel:
    """The channel of the person's own address, made when it is first needed."""
    channel, _made = NotificationChannel.objects.get_or_create(
        owner=user,
        own_address=True,
        defaults={"kind": MAIL, "confirmed_at": now, "created_at": now},
    )
    return channel


def usable(
    user: User, rule_channels: Iterable[NotificationChannel], now: datetime
) -> list[NotificationChannel]:
    """Of those that a rule names the ones that can be used, or all of the person's if it names
    none. Those of others never count."""
    own_mail(user, now)
    chosen = {channel.pk for channel in rule_channels}
    theirs = NotificationChannel.objects.filter(owner=user, kind__in=CHANNELS).usable()
    return list(theirs.filter(pk__in=chosen) if chosen else theirs)


def kind_of(channel: NotificationChannel) -> Channel:
    return CHANNELS[channel.kind]


def target_of(channel: NotificationChannel) -> str:
    return channel.owner.email if channel.own_address else channel.target


def shown(channel: NotificationChannel) -> str:
    """Where it leads to, for people and for the log: a target may hold secrets."""
    return kind_of(channel).shown(target_of(channel))


def secret_of(channel: NotificationChannel) -> str:
    return unseal(channel.secret)


# Changing them


def add(
    user: User,
    kind: str,
    *,
    name: str,
    target: str,
    secret: str = "",
    actor: Actor,
    now: datetime,
) -> tuple[NotificationChannel, str | None]:
    """The channel, and the secret that was made for it, which is shown this once.

    Raises Invalid, TooOften, MayNot.
    """
    check_is_own(actor)
    if kind not in CHANNELS:
        raise Invalid("kind", _("There is no such kind of channel."))
    how = CHANNELS[kind]
    made = new_secret() if how.secret is Secret.OURS else None
    kept = made or (how.checked_secret(secret) if how.secret is Secret.THEIRS else "")
    with transaction.atomic():
        lock(user)
        if NotificationChannel.objects.filter(owner=user).count() >= MOST:
            raise Invalid("kind", _("A person has %(most)d channels at most.") % {"most": MOST})
        channel = NotificationChannel(owner=user, kind=kind, created_at=now)
        channel.name = checked_name(name)
        channel.secret = seal(kept) if kept else ""
        set_target(channel, target, now)
        channel.save()
        if channel.confirmed_at is None:
            ask_to_confirm(channel, now=now)
        note(channel, "channel.added", actor=actor, now=now)
    return channel, made


def change(
    channel: NotificationChannel,
    *,
    name: str | None = None,
    target: str | None = None,
    secret: str | None = None,
    actor: Actor,
    now: datetime,
) -> NotificationChannel:
    """Sets what is given. Another target has to be confirmed again. Raises Invalid, TooOften,
    MayNot."""
    check_is_own(actor)
    with transaction.atomic():
        lock(channel.owner)
        channel.refresh_from_db()
        moves = target is not None and target != channel.target
        if name is not None:
            channel.name = checked_name(name)
        if target is not None and moves:
            set_target(channel, target, now)
        if secret:
            channel.secret = seal(kind_of(channel).checked_secret(secret))
        if moves or secret:
            channel.failed_at, channel.failure = None, ""
        channel.save()
        if channel.confirmed_at is None and moves:
            ask_to_confirm(channel, now=now)
        note(channel, "channel.changed", actor=actor, now=now)
    return channel


def check_is_own(actor: Actor) -> None:
    """A channel would tell one of the staff of the customer's servers long after they may act on
    their behalf. Raises MayNot."""
    if actor.staff is not None:
        raise MayNot(_("Only the customers themselves can change their account."))


def remove(channel: NotificationChannel, *, actor: Actor, now: datetime) -> None:
    """What waits to be sent there is given up. Raises Invalid for one's own address."""
    if channel.own_address:
        raise Invalid("kind", _("Your own address can be switched off, but not removed."))
    with transaction.atomic():
        waiting = Notification.objects.filter(channel=channel, claim="", sent_at=None)
        waiting.exclude(next_attempt_at=None).update(
            status=Notification.Status.GIVEN_UP, next_attempt_at=None, error=REMOVED
        )
        note(channel, "channel.removed", actor=actor, now=now)
        channel.delete()


def enable(channel: NotificationChannel, *, actor: Actor, now: datetime) -> bool:
    """Switches it on, and tries again where it was refused."""
    fields = {"enabled": True, "failed_at": None, "failure": ""}
    with transaction.atomic():
        switched = switch(channel, fields, "channel.enabled", actor=actor, now=now)
        if switched:
            decide_again(channel, now=now)
    return switched


def decide_again(channel: NotificationChannel, *, now: datetime) -> None:
    """What still fires and found no way to its owner may find this one."""
    untold = Alert.objects.firing().filter(owner=channel.owner_id, told_at=None)
    episodes.decide_again(untold, now=now)


def disable(channel: NotificationChannel, *, actor: Actor, now: datetime) -> bool:
    return switch(channel, {"enabled": False}, "channel.disabled", actor=actor, now=now)


def fail(channel: NotificationChannel, why: str, *, now: datetime) -> bool:
    """It was refused for good: nothing goes there until somebody sets it right."""
    fields = {"failed_at": now, "failure": why[:255]}
    unknown = Q(failed_at=None)
    return switch(channel, fields, "channel.refused", where=unknown, actor=SYSTEM, now=now)


def rotate_secret(channel: NotificationChannel, *, actor: Actor, now: datetime) -> str:
    """A new signing key, shown this once; the old one is worth nothing from now on. Raises MayNot."""
    check_is_own(actor)
    if kind_of(channel).secret is not Secret.OURS:
        raise Invalid("kind", _("This kind of channel has no signing key."))
    made = new_secret()
    switch(channel, {"secret": seal(made)}, "channel.secret_rotated", actor=actor, now=now)
    return made


def switch(
    channel: NotificationChannel,
    fields: Mapping[str, object],
    event: str,
    *,
    where: Q | None = None,
    actor: Actor,
    now: datetime,
) -> bool:
    """False where it is like that already, or gone."""
    with transaction.atomic():
        rows = NotificationChannel.objects.filter(where or ~Q(**fields), pk=channel.pk)
        if not rows.update(**fields):
            return False
        note(channel, event, actor=actor, now=now)
    channel.refresh_from_db()
    return True


# Confirming and trying


def confirm(token: str, *, now: datetime) -> NotificationChannel:
    """Whoever reads there agreed, by the link in the mail. Raises BadLink."""
    link = links.read(token)
    channel = confirmable(link)
    with transaction.atomic():
        waiting = NotificationChannel.objects.filter(pk=channel.pk, confirmed_at=None)
        if waiting.filter(target=channel.target).update(confirmed_at=now):
            note(channel, "channel.confirmed", actor=SYSTEM, now=now)
            decide_again(channel, now=now)
    channel.refresh_from_db()
    return channel


def confirmable(link: links.Link) -> NotificationChannel:
    """The channel that this link confirms, as long as it leads where it did. Raises BadLink."""
    if link.what != links.CONFIRM:
        raise links.BadLink
    owner_id, channel_id = link.numbers
    found = NotificationChannel.objects.filter(pk=channel_id, owner=owner_id).first()
    if found is None or links.mark_of(found.target) != link.mark:
        raise links.BadLink
    return found


def ask_to_confirm(channel: NotificationChannel, *, now: datetime) -> Notification:
    """Sends the link once more; it is put in as the mail is sent, and stored nowhere.

    Raises TooOften.
    """
    with transaction.atomic():
        lock(channel.owner)
        asked = sent_since(channel.owner, Kind.NOTICE, now - timedelta(days=1))
        # By address, as a channel that was removed since has been asked for all the same.
        if asked.exclude(address=channel.owner.email).count() >= CONFIRMATIONS_A_DAY:
            raise TooOften(_("Too many confirmations were asked for today. Try again tomorrow."))
        return put(channel, Kind.NOTICE, letters.of_confirmation(channel.owner), now)


def test(channel: NotificationChannel, *, now: datetime) -> Notification:
    """A message that says it is a test, on the way of all others. Raises Invalid, TooOften."""
    if channel.confirmed_at is None:
        raise Invalid("target", _("It has not been confirmed yet."))
    with transaction.atomic():
        lock(channel.owner)
        lately = sent_since(channel.owner, Kind.TEST, now - timedelta(minutes=1))
        if lately.count() >= TESTS_A_MINUTE:
            raise TooOften(_("Too many tests at once. Try again in a minute."))
        return put(channel, Kind.TEST, letters.of_test(channel.owner), now)


def sent_since(user: User, kind: str, since: datetime) -> QuerySet[Notification]:
    return Notification.objects.filter(recipient=user, kind=kind, created_at__gt=since)


def put(
    channel: NotificationChannel, kind: str, letter: letters.Letter, now: datetime
) -> Notification:
    return outbox.tell(
        channel.owner,
        subject=letter.subject,
        body=letter.body,
        key=None,
        kind=kind,
        channel=channel,
        now=now,
    )


# Pieces


def lock(user: User) -> None:
    """What a person has is counted and changed by one at a time."""
    User.objects.select_for_update().only("pk").get(pk=user.pk)


def set_target(channel: NotificationChannel, target: str, now: datetime) -> None:
    how = kind_of(channel)
    if channel.own_address:
        raise Invalid("target", _("It follows your account's address."))
    channel.target = how.checked(target)
    others = NotificationChannel.objects.filter(owner=channel.owner, kind=channel.kind)
    known = {other.target for other in others.exclude(pk=channel.pk)}
    if channel.kind == MAIL:
        known.add(channel.owner.email)
    if channel.target.casefold() in {target.casefold() for target in known}:
        raise Invalid("target", _("You have this one already."))
    channel.confirmed_at = None if how.must_confirm else now


def checked_name(name: str) -> str:
    line = one_line(name)
    if len(line) > LONGEST_NAME:
        raise Invalid("name", _("It is too long."))
    return line


def new_secret() -> str:
    """256 bits."""
    return secrets.token_urlsafe(32)


def note(channel: NotificationChannel, event: str, *, actor: Actor, now: datetime) -> None:
    audit.record(
        event,
        actor=actor,
        now=now,
        object_type="channel",
        object_id=channel.pk,
        details={"kind": channel.kind, "where": shown(channel), "name": channel.name},
    )
