"""What Django REST framework and others say to people is Russian too, by them or by us."""

import io
import re
from pathlib import Path

import axes
import django_filters
import pytest
import rest_framework
import rest_framework_simplejwt
from babel.messages.extract import extract
from django.utils import translation

from dev.messages import KEYWORDS

# What no person reads: the staff pages that we do not show, descriptions of the API, which is in
# English, and errors of settings.
NOT_READ = {
    "admin.py", "apps.py", "backends.py", "models.py", "pagination.py", "filters.py",
    "settings.py", "utils.py",
}  # fmt: skip


@pytest.mark.parametrize(
    "package", [rest_framework, rest_framework_simplejwt, django_filters, axes],
    ids=lambda package: package.__name__,
)  # fmt: skip
def test_a_package(package):
    with translation.override("ru"):
        left = [text for text in texts_of(package) if translation.gettext(text) == text]
    assert [text for text in left if re.search("[A-Za-z]{2}", text)] == []


def texts_of(package):
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        if path.name in NOT_READ or "schemas" in path.parts:
            continue
        source = io.BytesIO(path.read_bytes())
        for _, words, _, _ in extract("python", source, KEYWORDS, (), {"encoding": "utf-8"}):
            yield words if isinstance(words, str) else words[0]
