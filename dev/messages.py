"""`make messages`: find every text there is to translate, and compile what is translated.

What is gone from the code goes from the catalogue too. New texts are left empty there; a test fails
until somebody has translated them.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from dev import ROOT

LANGUAGES = ("ru",)
# Where texts for people are. The simulator and the commands speak English to whoever runs them.
PACKAGES = ("accounts", "alerts", "monitoring", "panel", "servers", "snapshots")
NOT_FOR_PEOPLE = ("servers/simulator/", "/management/", "/migrations/")
KEYWORDS = {
    "_": None,
    "now_": None,
    "noop": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# Of the header: what nobody reads, and what would differ each time.
NOT_KEPT = tuple(
    f'"{name}:'.encode()
    for name in (
        "Report-Msgid-Bugs-To", "POT-Creation-Date", "PO-Revision-Date", "Last-Translator",
        "Language-Team", "Generated-By", "Project-Id-Version",
    )
)  # fmt: skip
HEADER = "# What the panel says in another language. `make messages` finds what is new."


def main() -> int:
    for language in LANGUAGES:
        path = po_of(language)
        catalogue = refreshed(read(path))
        path.write_bytes(written(catalogue))
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
        empty = [str(message.id) for message in untranslated(catalogue)]
        print(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {len(empty)} not translated.")
        for text in empty:
            print(f"  {text}")
    return 0


def po_of(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def refreshed(catalogue: Catalog) -> Catalog:
    """The catalogue with all texts that the code has now, and no others."""
    catalogue.update(found(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.header_comment = HEADER
    return catalogue


def found() -> Catalog:
    """Every text of the code and the templates, without a translation."""
    catalogue = Catalog()
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text()
        if path.suffix == ".html":
            # Python for gettext's own eyes: in brackets its indentation does not count.
            text = f"(\n{templatize(text)}\n)"
        for line, words, comments, context in extract(
            "python", io.BytesIO(text.encode()), KEYWORDS, ("Translators:",), {"encoding": "utf-8"}
        ):
            catalogue.add(words, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part in path.as_posix() for part in NOT_FOR_PEOPLE):
                yield path
    yield from sorted((ROOT / "templates").rglob("*.html"))


def untranslated(catalogue: Catalog) -> Iterator[Message]:
    for message in catalogue:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(texts)):
            yield message


def written(catalogue: Catalog) -> bytes:
    """As a file: texts by the file that they are in, without numbers of lines and without a date."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, sort_by_file=True, include_lineno=False)
    lines = file.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(NOT_KEPT))


def compiled(catalogue: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
