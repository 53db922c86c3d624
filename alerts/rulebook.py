"""Which rules apply to which server, kept between cycles for as long as no rule changes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import randbits
from threading import Lock
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from alerts.judge import Rule, thresholds
from alerts.metrics import MEASURED, Metric, Trust
from alerts.models import AlertRule, RuleBook, Severity
from servers import labels
from servers.models import Label, Server

Condition = AlertRule.Condition
# What is older counts as no data, and ends a hold.
PATIENCE_CYCLES = 3
# The row of RuleBook.
BOOK = 1

# The rules that every installation begins with; staff change them as they like.
DEFAULTS: tuple[dict[str, object], ...] = (
    {"metric": Metric.CPU, "threshold": 0.9, "clear_at": 0.85, "duration": 600},
    {"metric": Metric.MEMORY, "threshold": 0.9, "clear_at": 0.87, "duration": 600},
    {"metric": Metric.DISK, "threshold": 0.9, "clear_at": 0.88, "duration": 300},
    {"metric": Metric.STATE, "duration": 60, "severity": Severity.CRITICAL},
    {"metric": Metric.REACHABILITY, "duration": 300, "severity": Severity.CRITICAL},
    {"metric": Metric.SNAPSHOT_FAILED},
)

# Narrower scopes come before wider ones.
DEFAULT, ALL, LABEL, SERVER = range(4)


class Candidate(NamedTuple):
    """A rule that may apply; of several with one base the narrowest does."""

    base: int
    scope: int
    enabled: bool
    rule: Rule


# What is read among a server's figures: metric, which values are believed, file system.
About = tuple[Metric, Trust, str]


class Quick(NamedTuple):
    """Of a rule about a measured metric, what tells at once that a value changes nothing.

    `about` is an index into Book.abouts.
    """

    about: int
    threshold: float
    is_above: bool
    no_data: bool
    rule: Rule


class Chosen(NamedTuple):
    """The rules for one server."""

    rules: tuple[Rule, ...]
    measured: tuple[Quick, ...]


NOTHING = Chosen((), ())


@dataclass
class Book:
    """All rules by whom they are for. `of` is quick where nobody has rules of their own."""

    revision: int
    defaults: list[Candidate] = field(default_factory=list)
    by_server: dict[int, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    by_owner: dict[int, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    # By owner: key, value or None for any, and the rule.
    by_label: dict[int, list[tuple[str, str | None, Candidate]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    owner_of: dict[int, int] = field(default_factory=dict)
    # Whether some rule is about one file system.
    by_mountpoint: bool = False
    # By server: whose it was when they were chosen, and the rules.
    kept: dict[int, tuple[int, Chosen]] = field(default_factory=dict)
    by_default: Chosen = NOTHING
    abouts: list[About] = field(default_factory=list)
    indexes: dict[About, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def of(
        self, server: int, owner: int | None, labelled: Mapping[int, Mapping[str, str]]
    ) -> Chosen:
        """The rules for a server of that owner; `labelled` as `labels_of` gives it."""
        if owner is None:
            return self.by_default
        kept = self.kept.get(server)
        if kept is not None and kept[0] == owner:
            return kept[1]
        if owner in self.by_label:
            # Labels change without a new revision.
            return self.choose(server, owner, labelled.get(server, {}))
        if server not in self.by_server and owner not in self.by_owner:
            return self.by_default
        chosen = self.choose(server, owner, {})
        self.kept[server] = (owner, chosen)
        return chosen

    def choose(self, server: int, owner: int, borne: Mapping[str, str]) -> Chosen:
        return self.chosen(narrowest(self.candidates(server, owner, borne)))

    def chosen(self, rules: tuple[Rule, ...]) -> Chosen:
        return Chosen(
            rules,
            tuple(
                Quick(self.index(rule), rule.threshold, rule.is_above, rule.no_data, rule)
                for rule in rules
                if rule.metric in MEASURED
            ),
        )

    def index(self, rule: Rule) -> int:
        about = (rule.metric, rule.trust, rule.mountpoint)
        # A worker polls its clusters in threads, which share the book.
        with self.lock:
            if about not in self.indexes:
                self.indexes[about] = len(self.abouts)
                self.abouts.append(about)
            return self.indexes[about]

    def candidates(self, server: int, owner: int, borne: Mapping[str, str]) -> list[Candidate]:
        """All that may apply to it, of which the narrowest do."""
        candidates = [*self.defaults, *self.by_owner.get(owner, ())]
        candidates += [
            candidate
            for key, value, candidate in self.by_label.get(owner, ())
            if key in borne and value in (None, borne[key])
        ]
        candidates += [
            candidate
            for candidate in self.by_server.get(server, ())
            # Whose the server was before has no say.
            if self.owner_of[candidate.rule.id] == owner
        ]
        return candidates


def narrowest(candidates: Iterable[Candidate]) -> tuple[Rule, ...]:
    return tuple(each.rule for each in by_base(candidates).values() if each.enabled)


def by_base(candidates: Iterable[Candidate]) -> dict[int, Candidate]:
    """Of those with one base the narrowest, of several alike the newest: it counts if it is
    enabled, and otherwise none of them does."""
    return {
        each.base: each for each in sorted(candidates, key=lambda each: (each.scope, each.rule.id))
    }


kept_book: Book | None = None


def book() -> Book:
    """The rules as they are; read anew only where one has changed."""
    global kept_book
    revision = revision_now()
    if kept_book is None or kept_book.revision != revision:
        kept_book = read(revision)
    return kept_book


def revision_now() -> int:
    revision = RuleBook.objects.filter(pk=BOOK).values_list("revision", flat=True).first()
    return begin() if revision is None else revision


def begin() -> int:
    """The first look at an empty installation: the default rules are written down."""
    with transaction.atomic():
        row, made = RuleBook.objects.get_or_create(pk=BOOK, defaults={"revision": randbits(62)})
        if made:
            now = datetime.now(UTC)
            AlertRule.objects.bulk_create(
                [AlertRule(**fields, created_at=now, updated_at=now) for fields in DEFAULTS]
            )
    return row.revision


def changed() -> None:
    """To be called in each transaction that changes a rule.

    Not a count: a transaction that is rolled back must not leave a number that comes again.
    """
    revision_now()
    RuleBook.objects.filter(pk=BOOK).update(revision=randbits(62))


FIELDS = (
    "id", "owner_id", "replaces_id", "server_id", "label", "metric", "mountpoint", "condition",
    "threshold", "clear_at", "duration", "trust", "no_data", "even_intended", "enabled",
)  # fmt: skip


class Row(NamedTuple):
    """FIELDS, as read."""

    id: int
    owner_id: int | None
    replaces_id: int | None
    server_id: int | None
    label: str
    metric: str
    mountpoint: str
    condition: str
    threshold: float | None
    clear_at: float | None
    duration: int
    trust: str
    no_data: bool
    even_intended: bool
    enabled: bool


def read(revision: int) -> Book:
    made = Book(revision)
    # One that is disabled counts only where it keeps another from applying.
    rows = AlertRule.objects.filter(Q(enabled=True) | Q(replaces__isnull=False)).order_by("id")
    for each in rows.values_list(*FIELDS):
        enter(made, Row._make(each))
    made.by_default = made.chosen(narrowest(made.defaults))
    return made


def enter(made: Book, row: Row) -> None:
    scope = scope_of(row)
    made.by_mountpoint |= bool(row.mountpoint)
    candidate = Candidate(row.replaces_id or row.id, scope, row.enabled, rule_of(row))
    if row.owner_id is None:
        made.defaults.append(candidate)
        return
    made.owner_of[row.id] = row.owner_id
    if row.server_id is not None:
        made.by_server[row.server_id].append(candidate)
    elif row.label:
        key, value = labels.parse(row.label)
        wanted = value if "=" in row.label else None
        made.by_label[row.owner_id].append((key, wanted, candidate))
    else:
        made.by_owner[row.owner_id].append(candidate)


def scope_of(row: Row) -> int:
    if row.owner_id is None:
        return DEFAULT
    if row.server_id is not None:
        return SERVER
    return LABEL if row.label else ALL


def rule_of(row: "Row | AlertRule") -> Rule:
    """As the judge wants it; of a rule that is not saved, too."""
    metric = Metric(row.metric)
    threshold, clear_at = thresholds(metric, row.threshold, row.clear_at)
    return Rule(
        id=row.id or 0,
        metric=metric,
        threshold=threshold,
        clear_at=clear_at,
        duration=row.duration,
        patience=patience(),
        is_above=row.condition == Condition.GREATER_THAN,
        no_data=row.no_data,
        trust=Trust(row.trust),
        mountpoint=row.mountpoint,
        even_intended=row.even_intended,
    )


def concerned(metric: Metric) -> set[int]:
    """The present servers to which some rule of this metric may apply."""
    of_metric = AlertRule.objects.filter(metric=metric.value, enabled=True)
    present = Server.objects.filter(present=True)
    if of_metric.filter(owner=None).exists():
        return set(present.values_list("pk", flat=True))
    by_server = of_metric.filter(server__isnull=False).values("server")
    by_owner = of_metric.filter(server=None).values("owner")
    return set(
        present.filter(Q(pk__in=by_server) | Q(owner__in=by_owner)).values_list("pk", flat=True)
    )


def patience() -> int:
    return PATIENCE_CYCLES * int(settings.POLL_INTERVAL)


def labels_of(book: Book, owners: Iterable[int | None]) -> dict[int, dict[str, str]]:
    """The labels, by server, of those owners that have rules by label."""
    asking = {owner for owner in owners if owner in book.by_label}
    found: dict[int, dict[str, str]] = defaultdict(dict)
    if asking:
        rows = Label.objects.filter(server__owner__in=asking, server__present=True)
        for server, key, value in rows.values_list("server_id", "key", "value"):
            found[server][key] = value
    return found
