"""Lists of the staff site as files: what a list shows, filtered as it is, in CSV or JSON.

Rows are written as they are read, so that a list of any length takes little memory. Who took which
list away, with how many rows, stands in the audit log.
"""

import csv
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise

from accounts import audit, locale, roles
from accounts.audit import Actor
from accounts.models import Source, User

CHUNK = 500
# What a spreadsheet would take for a formula, at the beginning of a text.
FORMULAE = ("=", "+", "-", "@", "\t", "\r")
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


@dataclass(frozen=True)
class Column:
    """`name` is the key in JSON, `heading` stands over the column in CSV."""

    name: str
    heading: str | Promise
    value: Callable[[Any], object]


class Exporting(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list that can be taken away by who may see it, and whose role has exports."""

    change_list_template = "admin/exporting.html"
    export_columns: tuple[Column, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        info = self.opts.app_label, self.opts.model_name
        view = self.admin_site.admin_view(self.export_view)
        mine = path("export/", view, name="{}_{}_export".format(*info))
        return [mine, *super().get_urls()]

    def for_export(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With all that the columns ask for, in a fixed number of queries."""
        return rows

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as its filters in the address have it; `format` is csv or json."""
        person = request.user
        may = isinstance(person, User) and person.has_perm(roles.EXPORT)
        if not may or not self.has_view_permission(request):
            raise PermissionDenied
        wish = request.GET.copy()
        kind = (wish.pop("format", None) or ["csv"])[-1]
        kind = kind if kind in TYPES else "csv"
        request.GET = wish  # type: ignore[assignment]
        try:
            rows = self.for_export(self.get_changelist_instance(request).queryset)
        except IncorrectLookupParameters:
            names = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(reverse(names))
        now = timezone.now()
        audit.record(
            "export.made",
            actor=Actor.of(request, Source.ADMIN),
            now=now,
            object_type="list",
            details={
                "list": self.opts.label_lower,
                "filter": wish.urlencode(),
                "format": kind,
                "rows": rows.count(),
            },
        )
        text = in_language(person, WRITERS[kind](self.export_columns, rows))  # type: ignore[arg-type]
        name = f"{self.opts.model_name}-{timezone.localtime(now):%Y-%m-%d-%H%M}.{kind}"
        is_async = isinstance(request, ASGIRequest)
        return StreamingHttpResponse(
            beside(text) if is_async else text,
            content_type=TYPES[kind],
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            },
        )


def in_language(person: User, pieces: Iterator[str]) -> Iterator[str]:
    """The page's own language and clock have gone by the time that this is read."""
    while True:
        with locale.of_person(person):
            text = "".join(islice(pieces, CHUNK))
        if not text:
            return
        yield text


async def beside(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The database is asked in its own thread, and nobody else waits for it."""
    take = sync_to_async(lambda: next(pieces, None))
    while (text := await take()) is not None:
        yield text


def as_csv(columns: tuple[Column, ...], rows: QuerySet[Any]) -> Iterator[str]:
    line = csv.writer(Echo())
    # By this mark spreadsheets tell that it is UTF-8.
    yield "\ufeff"
    yield line.writerow([str(column.heading) for column in columns])
    for row in rows.iterator(chunk_size=CHUNK):
        yield line.writerow([cell(column.value(row)) for column in columns])


def as_json(columns: tuple[Column, ...], rows: QuerySet[Any]) -> Iterator[str]:
    before = "["
    for row in rows.iterator(chunk_size=CHUNK):
        facts = {column.name: plain(column.value(row)) for column in columns}
        yield f"{before}\n{json.dumps(facts, ensure_ascii=False)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


WRITERS = {"csv": as_csv, "json": as_json}


class Echo:
    """A file that hands back what is written into it."""

    def write(self, text: str) -> str:
        return text


def plain(value: object) -> object:
    """What JSON knows: times in ISO 8601 in the reader's zone, with its offset."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return str(value)


def cell(value: object) -> object:
    """Of a text that would be a formula the spreadsheet is told that it is a text."""
    known = plain(value)
    if known is None:
        return ""
    if isinstance(known, list):
        known = " ".join(str(each) for each in known)
    if isinstance(known, str):
        return f"'{known}" if known.startswith(FORMULAE) else known
    return known
