"""Why a rule does not fire for a server, or fires and nobody hears of it.

What it says comes from where the cycle has it too: which rules apply from the rule book, the value
from the same reader, where the rule stands from the judge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, cast

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from alerts import judging, rulebook, wording
from alerts.explain import Fact
from alerts.hindrances import hindrances
from alerts.intent import WORK_OF_OTHERS
from alerts.judge import OK, Rule, Standing, State, Value
from alerts.judging import Observation, Observed
from alerts.metrics import FLAGS, MEASURED, Metric, Trust
from alerts.models import Alert, AlertRule, AlertStanding
from servers import action_words, live
from servers.models import Action, LastSample, Server

# What a server's state has a say in.
TOUCHED = MEASURED | {Metric.STATE}
# How long after the agent told of file systems they still count, as in a cycle.
BELIEVED_SECONDS = 900


class FileSystems(NamedTuple):
    """The fraction used of each file system, by mount point, and of the fullest."""

    measured_at: int
    fullest: float | None
    fullest_at: str
    used: Mapping[str, float]


class ReadFileSystems(Protocol):
    """As settings.ALERT_FILE_SYSTEMS names it."""

    def __call__(self, server_id: int) -> FileSystems | None: ...


@dataclass(frozen=True)
class Silence:
    """`code`: firing, or why it does not. `text` is the one sentence that matters most, `facts`
    are all that count, and `telling` what would hold a message back now."""

    code: str
    text: str
    condition: str
    applies: bool
    standing: Standing
    alert: Alert | None
    value: float | None
    facts: Sequence[Fact]
    telling: Sequence[Fact]


def explain_silence(rule: AlertRule, server: Server, *, person: User, now: datetime) -> Silence:
    """`person` is who reads it."""
    asked = Asked(rule, server, person, now)
    reasons = [*asked.whether_it_applies()]
    applies = not reasons
    alert = Alert.objects.firing().filter(rule=rule, server=server, owner=server.owner_id).first()
    value = asked.value() if applies else None
    standing = asked.standing() if applies else OK
    if alert is not None:
        reasons.append(asked.of_alert(alert))
    elif applies:
        reasons += [
            *asked.of_standing(standing),
            *asked.of_server(),
            *asked.of_value(value, standing),
        ]
    return Silence(
        code=reasons[0].code,
        text=reasons[0].text,
        condition=wording.condition_of(rule),
        applies=applies,
        standing=standing,
        alert=alert,
        value=value.number if value else None,
        facts=reasons,
        telling=[*hindrances(rule, server, person=person, now=now)] if applies else [],
    )


@dataclass(frozen=True)
class Asked:
    """About which rule and server, by whom, when."""

    rule: AlertRule
    server: Server
    person: User
    now: datetime

    def moment(self, at: datetime) -> str:
        return wording.moment(at, self.person)

    # Does it apply?

    def whether_it_applies(self) -> Iterator[Fact]:
        """Nothing where it does."""
        rule, server = self.rule, self.server
        if not server.present:
            yield Fact("gone", _("The server is gone."))
        elif rule.owner_id not in (None, server.owner_id):
            yield Fact("other_owner", _("The rule is of somebody else's."))
        elif rule.server_id not in (None, server.pk):
            yield Fact("other_server", _("The rule is for another server."))
        else:
            yield from self.whether_it_is_chosen()

    def whether_it_is_chosen(self) -> Iterator[Fact]:
        book = rulebook.book()
        server, owner = self.server.pk, self.server.owner_id
        labelled = rulebook.labels_of(book, [owner])
        if self.rule.pk in {rule.id for rule in book.of(server, owner, labelled).rules}:
            return
        if not self.rule.enabled:
            yield Fact("disabled", _("The rule is switched off."))
            return
        borne = labelled.get(server, {})
        candidates = book.defaults if owner is None else book.candidates(server, owner, borne)
        instead = rulebook.by_base(candidates).get(self.rule.base)
        if instead is not None and instead.rule.id != self.rule.pk:
            yield instead_of(instead)
        elif self.rule.label:
            yield Fact(
                "other_label",
                _("The server does not bear the label %(label)s.") % {"label": self.rule.label},
            )
        else:
            yield Fact("other_owner", _("The rule is of somebody else's."))

    # Where does it stand?

    def standing(self) -> Standing:
        rows = AlertStanding.objects.filter(
            rule=self.rule, server=self.server, owner_id=self.server.owner_id
        )
        kept = judging.standings_of(rows).get(self.server.pk, {}).get(self.rule.pk)
        return kept.standing if kept else OK

    def of_alert(self, alert: Alert) -> Fact:
        since = self.moment(alert.fired_at)
        return Fact(
            "firing",
            _("It fires, since %(since)s.") % {"since": since},
            at=alert.fired_at,
            data={"alert": alert.pk},
        )

    def of_standing(self, standing: Standing) -> Iterator[Fact]:
        since = at_time(standing.since)
        if standing.state == State.PENDING:
            until = since + timedelta(seconds=self.rule.duration)
            words = {"since": self.moment(since), "until": self.moment(until)}
            text = _(
                "It has been crossed since %(since)s, and fires at %(until)s if that goes on."
            )
            yield Fact("pending", text % words, at=since, until=until)
        elif standing.state == State.MISSING:
            text = _("Nothing has been measured since %(since)s.") % {"since": self.moment(since)}
            until = since + timedelta(seconds=rulebook.patience())
            yield Fact("missing", text, at=since, until=until)

    # What of the server?

    def of_server(self) -> Iterator[Fact]:
        status, metric = self.server.status, self.rule.metric
        if metric not in TOUCHED:
            return
        if status in judging.AT_REST:
            yield self.of_rest()
        elif status == Server.Status.UNKNOWN:
            text = _("The panel does not know its state since %(since)s.")
            yield Fact(
                "unknown",
                text % {"since": self.moment(self.server.status_since)},
                at=self.server.status_since,
            )
        heeds = metric == Metric.STATE or metric in WORK_OF_OTHERS
        if self.server.lock and heeds and not self.rule.even_intended:
            yield Fact("locked", str(action_words.LOCKS.get(self.server.lock, LOCKED)))

    def of_rest(self) -> Fact:
        """It was stopped: by whom, if by anybody here."""
        since = self.server.status_since
        words = {"state": self.server.get_status_display(), "since": self.moment(since)}
        action = self.last_action(since)
        if action is None:
            text = _("The server is %(state)s since %(since)s; nobody asked the panel for that.")
            return Fact("at_rest", text % words, at=since)
        what = str(action_words.LABELS.get(action.type, action.type))
        words |= {"who": self.who(action), "what": what}
        text = _(
            "The server is %(state)s since %(since)s. It was asked for: %(what)s, by %(who)s."
        )
        data = {"action": action.pk, "type": action.type}
        return Fact("on_purpose", text % words, at=action.requested_at, data=data)

    def last_action(self, since: datetime) -> Action | None:
        """What was asked for shortly before it went down."""
        slack = timedelta(minutes=10)
        actions = Action.objects.filter(
            server=self.server, requested_at__lte=since + slack
        ).filter(Q(finished_at=None) | Q(finished_at__gte=since - slack))
        return actions.exclude(type="start").order_by("-requested_at").first()

    def who(self, action: Action) -> str:
        if action.by_staff:
            return _("the staff")
        if action.requested_by_id == self.person.pk:
            return _("you")
        # Former owners are nobody's business.
        return live.requester_of(action) or _("the panel or somebody before")

    # What was measured?

    def value(self) -> Value | None:
        """As a cycle would look at it now; None of what no cycle measures."""
        last = self.last_sample()
        systems = self.file_systems(last)
        server = self.server
        seen = Observation(
            cluster=server.cluster_id,
            at=int(self.now.timestamp()),
            servers={},
            figures={server.pk: last} if last and self.is_fresh(last) else {},
            fullest={server.pk: systems.fullest} if systems and systems.fullest else {},
            file_systems={server.pk: systems.used} if systems else {},
        )
        observed = Observed(server.owner_id, server.status, server.status, server.lock)
        return judging.value_of(self.judged, server.pk, observed, seen)

    @property
    def judged(self) -> Rule:
        return rulebook.rule_of(self.rule)

    def last_sample(self) -> LastSample | None:
        return getattr(self.server, "last_sample", None)

    def is_fresh(self, last: LastSample) -> bool:
        return self.now.timestamp() - last.taken_at <= rulebook.patience()

    def file_systems(self, last: LastSample | None) -> FileSystems | None:
        if self.rule.metric != Metric.DISK or last is None:
            return None
        read = cast(ReadFileSystems, import_string(settings.ALERT_FILE_SYSTEMS))
        systems = read(self.server.pk)
        if systems is None or last.taken_at - systems.measured_at > BELIEVED_SECONDS:
            return None
        return systems

    def of_value(self, value: Value | None, standing: Standing) -> Iterator[Fact]:
        rule = self.rule
        if value is None:
            yield Fact("well", str(WELL.get(rule.metric, WELL_OTHERWISE)))
        elif value.is_void and rule.mountpoint:
            yield self.of_no_file_system()
        elif value.is_void:
            yield Fact("void", _("There is nothing to measure while it does not run."))
        elif value.number is None:
            yield from self.of_missing()
        elif rule.metric in FLAGS:
            yield self.of_flag(self.judged.crossed(value.number), standing)
        else:
            yield self.of_number(value.number)

    def of_flag(self, is_so: bool, standing: Standing) -> Fact:
        metric = self.rule.metric
        if not is_so:
            return Fact("well", str(WELL.get(metric, WELL_OTHERWISE)))
        if metric == Metric.STATE and standing.state == State.OK:
            return Fact("well", str(DOWN_WITHOUT_BEGINNING))
        return Fact("crossed", str(CROSSED[metric]))

    def of_number(self, number: float) -> Fact:
        rule, judged = self.rule, self.judged
        words = {
            "what": wording.metric_label(rule),
            "value": wording.value_text(rule.metric, number),
            "bound": wording.value_text(rule.metric, judged.threshold),
        }
        if judged.crossed(number):
            text = _("%(what)s is at %(value)s, beyond %(bound)s.")
        elif judged.is_above:
            text = _("%(what)s is at %(value)s. It fires above %(bound)s.")
        else:
            text = _("%(what)s is at %(value)s. It fires below %(bound)s.")
        code = "crossed" if judged.crossed(number) else "well"
        return Fact(code, text % words, at=self.measured_at(), data=self.data_of(number))

    def data_of(self, number: float | None) -> dict[str, object]:
        return {"value": number, "threshold": self.judged.threshold, "source": self.source()}

    def measured_at(self) -> datetime | None:
        last = self.last_sample()
        if last is None:
            return None
        told = last.disk_measured_at if self.rule.metric == Metric.DISK else None
        return at_time(told or last.taken_at)

    def source(self) -> str | None:
        last = self.last_sample()
        sources = {Metric.MEMORY.value: "memory_source", Metric.DISK.value: "disk_source"}
        name = sources.get(self.rule.metric)
        if last is None or name is None:
            return None
        return getattr(last, name) or None

    def of_no_file_system(self) -> Fact:
        text = _("The guest agent does not tell of the file system %(name)s.")
        return Fact("no_file_system", text % {"name": self.rule.mountpoint})

    def of_missing(self) -> Iterator[Fact]:
        """Nothing that the rule believes."""
        last, rule = self.last_sample(), self.rule
        if last is None:
            yield Fact("never", _("Nothing has been measured yet."))
        elif not self.is_fresh(last):
            at = at_time(last.taken_at)
            text = _("The last values are of %(when)s.") % {"when": self.moment(at)}
            yield Fact("stale", text, at=at)
        elif rule.mountpoint:
            yield self.of_no_file_system()
        elif rule.trust != Trust.ANY:
            text = _("There is a value, but not one that the rule believes: %(wanted)s.")
            words = {"wanted": rule.get_trust_display()}
            yield Fact(
                "not_believed", text % words, at=self.measured_at(), data=self.data_of(None)
            )
        else:
            yield Fact("missing", _("There is no value now. That neither fires nor clears."))


def instead_of(candidate: rulebook.Candidate) -> Fact:
    data = {"rule": candidate.rule.id}
    if candidate.enabled:
        return Fact("replaced", _("Another rule stands in its place for this server."), data=data)
    return Fact("switched_off", _("It is switched off for this server."), data=data)


def at_time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


LOCKED = gettext_lazy("Proxmox has locked it.")
DOWN_WITHOUT_BEGINNING = gettext_lazy(
    "It is down, which fires only where it was seen to go down and nobody had asked for it."
)
CROSSED = {
    Metric.STATE.value: gettext_lazy("It is down."),
    Metric.REACHABILITY.value: gettext_lazy("The panel does not reach it."),
}
WELL_OTHERWISE = gettext_lazy("Nothing has been found that crosses it.")
WELL = {
    Metric.STATE.value: gettext_lazy("It did not go down without being asked to."),
    Metric.REACHABILITY.value: gettext_lazy("The panel reaches it."),
    Metric.SNAPSHOT_FAILED.value: gettext_lazy("The last scheduled snapshot did not fail."),
}
