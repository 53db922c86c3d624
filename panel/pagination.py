"""Pages of lists: {count, next, previous, results}."""

from typing import Any

from django.core.paginator import Page, Paginator
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        """One row more than the page has is read: without it, this is the last page, and nobody has to
        count the rest."""
        size = self.get_page_size(request)
        asked = request.query_params.get(self.page_query_param, "1")
        if size and asked.isascii() and asked.isdigit() and 0 < len(asked) < 10 and int(asked):
            before = (int(asked) - 1) * size
            rows = list(queryset[before : before + size + 1])
            if rows or not before:
                self.request = request
                self.page = page(queryset, rows, size, int(asked))
                return rows[:size]
        found: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return found


def page(queryset: Any, rows: list[Any], size: int, number: int) -> Page[Any]:
    paginator = Paginator(queryset, size)
    if len(rows) <= size:
        paginator.count = (number - 1) * size + len(rows)
    return Page(rows[:size], number, paginator)
