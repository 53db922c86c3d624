"""JSON as Django REST framework writes it."""

import json
from collections import OrderedDict
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer

from panel.renderers import QuickJSONRenderer
from servers.models import Server


@pytest.mark.parametrize(
    "data",
    [
        None, {}, [], "", {"a": [1, 2.5, None, True, "é<&\u2028"]}, OrderedDict(b=1, a=2),
        {"at": datetime(2026, 11, 20, 12, tzinfo=UTC)}, {"day": date(2026, 11, 20)}, (1, 2),
        {"id": UUID(int=7)}, {"words": gettext_lazy("Servers")}, {"of": Decimal("2.50")},
        {"state": Server.Status.RUNNING}, {"why": ErrorDetail("no", "x")},
        {"safe": mark_safe("<b>")}, {1: "one", None: "none"}, {"big": 2**60, "small": 1e-7},
    ],
)  # fmt: skip
def test_the_same(data):
    quick, usual = QuickJSONRenderer().render(data), JSONRenderer().render(data)
    assert quick == usual or json.loads(quick) == json.loads(usual)


def test_indented_where_asked_for():
    indented = QuickJSONRenderer().render({"a": 1}, "application/json; indent=2")
    assert indented == b'{\n  "a": 1\n}'
