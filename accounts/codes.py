"""How the staff site shows what is stored as codes, and plain facts."""

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString

Words = str | Promise


def filter_by(
    field: str, title: Words, words: Mapping[str, Words]
) -> type[admin.SimpleListFilter]:
    """A filter by a field's codes, in words and in their order."""

    class ByCode(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
            named = ((code, str(said)) for code, said in words.items())
            return sorted(named, key=itemgetter(1))

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            code = self.value()
            return queryset.filter(**{field: code}) if code else queryset

    ByCode.title = title  # type: ignore[assignment]  # Django's own are lazy, too
    return ByCode


def facts(value: object) -> SafeString:
    """What is for programs, and so in English."""
    if not value:
        return SafeString("–")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return format_html('<pre lang="en">{}</pre>', text)
