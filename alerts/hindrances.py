"""What would keep a message about a rule and a server back now, or nobody would hear of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from alerts import incidents, mutes, wording
from alerts.decide import quiet_until
from alerts.explain import Fact
from alerts.models import Alert, AlertPreferences, AlertRule, NotificationChannel, Severity
from servers.models import Server


def hindrances(rule: AlertRule, server: Server, *, person: User, now: datetime) -> Iterator[Fact]:
    """`person` is who reads it."""
    yield from Asked(rule, server, person, now).hindrances()


@dataclass(frozen=True)
class Asked:
    rule: AlertRule
    server: Server
    person: User
    now: datetime

    def moment(self, at: datetime) -> str:
        return wording.moment(at, self.person)

    def hindrances(self) -> Iterator[Fact]:
        owner = self.server.owner
        if owner is None:
            yield Fact("no_owner", _("The server has no owner: nobody is told."))
            return
        yield from self.of_maintenance()
        yield from self.of_mutes()
        yield from self.of_quiet_hours(owner)
        yield from self.of_cooldown()
        yield from self.of_channels(owner)

    def of_maintenance(self) -> Iterator[Fact]:
        server = self.server
        windows = incidents.open_windows(self.now).filter(
            Q(server=server.pk)
            | Q(node=server.node_id, node__isnull=False)
            | Q(cluster=server.cluster_id)
        )
        window = windows.order_by("-ends_at").first()
        if window is not None:
            text = _("Maintenance until %(until)s.") % {"until": self.moment(window.ends_at)}
            yield Fact("maintenance", f"{text} {window.note}".rstrip(), until=window.ends_at)

    def of_mutes(self) -> Iterator[Fact]:
        covering = (
            mutes.in_force(self.now)
            .filter(Q(server=None) | Q(server=self.server), owner=self.server.owner_id)
            .filter(Q(rule=None) | Q(rule__in=[self.rule.pk, self.rule.base]))
        )
        for mute in covering:
            until = mute.until
            text = (
                _("It is muted until %(until)s.") % {"until": self.moment(until)}
                if until
                else _("It is muted until that is taken back.")
            )
            yield Fact("muted", text, until=until, data={"mute": mute.pk})

    def of_quiet_hours(self, owner: User) -> Iterator[Fact]:
        kept = AlertPreferences.objects.filter(user=owner).first()
        if kept is None or (self.rule.severity == Severity.CRITICAL and kept.critical_anyway):
            return
        until = quiet_until(kept.quiet_from, kept.quiet_until, owner.time_zone, self.now)
        if until is not None:
            text = _("Quiet hours until %(until)s.") % {"until": self.moment(until)}
            yield Fact("quiet", text, until=until)

    def of_cooldown(self) -> Iterator[Fact]:
        """Before its end, no other episode of the rule on the server is told."""
        told = (
            Alert.objects.filter(rule=self.rule, server=self.server, owner=self.server.owner_id)
            .filter(told_at__lte=self.now)
            .order_by("-told_at")
            .values_list("told_at", flat=True)
            .first()
        )
        until = told + timedelta(seconds=settings.ALERT_MAIL_INTERVAL) if told else None
        if until is not None and until > self.now:
            text = _("It was told lately; another one is told from %(until)s on.")
            yield Fact("cooldown", text % {"until": self.moment(until)}, at=told, until=until)

    def of_channels(self, owner: User) -> Iterator[Fact]:
        theirs = NotificationChannel.objects.filter(owner=owner)
        chosen = set(self.rule.channels.values_list("pk", flat=True)) if self.rule.owner_id else ()
        usable = {
            channel.pk
            for channel in theirs
            if channel.enabled and channel.confirmed_at and not channel.failed_at
        }
        # The person's own address needs no row before it is first used.
        has_own = any(channel.own_address for channel in theirs)
        if chosen and not usable & set(chosen):
            yield Fact("no_channel", _("None of the rule's channels can be used."))
        elif not chosen and not usable and has_own:
            yield Fact("no_channel", _("None of your channels can be used."))
