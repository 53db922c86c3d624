"""Everything that people read is in the catalogue, translated, and compiled."""

import gettext
import io
import re

import pytest

from dev import messages

PLACE = re.compile(r"%\(\w+\)[sd]|%%|\{\w*\}|</?\w+[^>]*>")
# What Russian has in common with English: names, and units as Proxmox has them.
SAME = {
    "API", "B/s", "CPU", "CPUs", "Proxmox VE", "GB/s", "GET", "MB/s", "TB/s", "Telegram", "VMID", "Win", "kB/s",
    "vCPU", "vCPUs", "{day} {month}", "{doing}…", "{name}: {status}", "{time}: {event}", "%(number)s %%",
    "%(label)s: %(name)s", "%(server)s: %(condition)s", "%(condition)s: %(severity)s",
    "%(cpus)s vCPU", "j M Y, H:i", "by %(who)s", "%(condition)s on %(scope)s: %(severity)s",
}  # fmt: skip


@pytest.fixture(scope="module", params=messages.LANGUAGES)
def path(request):
    return messages.po_of(request.param)


@pytest.fixture(scope="module")
def catalogue(path):
    return messages.read(path)


@pytest.fixture(scope="module")
def texts(catalogue):
    """Each text with its translation: as many forms as the language has, or one."""
    return [
        (as_tuple(message.id), as_tuple(message.string)) for message in catalogue if message.id
    ]


def as_tuple(text):
    return text if isinstance(text, tuple | list) else (text,)


def test_it_has_what_the_code_has_and_nothing_else(catalogue):
    found = {(message.context, message.id) for message in messages.found() if message.id}
    kept = {(message.context, message.id) for message in catalogue if message.id}
    assert found - kept == set(), "not in the catalogue: make messages"
    assert kept - found == set(), "not in the code any more: make messages"
    assert not catalogue.obsolete


def test_all_of_it_is_translated(catalogue):
    assert [message.id for message in messages.untranslated(catalogue)] == []


def test_values_have_their_places(texts):
    for ids, strings in texts:
        wanted = set(PLACE.findall(ids[-1]))
        for string in strings:
            assert set(PLACE.findall(string)) - {"%%"} <= wanted, string
            assert wanted - {"%%"} <= set(PLACE.findall(string)) | optional(ids), string


def optional(ids):
    """Where the singular can do without the number, the translation's can too."""
    return set(PLACE.findall(ids[-1])) - set(PLACE.findall(ids[0]))


def test_russian_is_russian(texts):
    latin = [ids[0] for ids, strings in texts if not re.search("[а-яё]", strings[0], re.I)]
    assert {text for text in latin if re.search("[A-Za-z]", text)} <= SAME


def test_russian_is_set_as_russian_is(texts):
    for _, strings in texts:
        for string in strings:
            plain = re.sub(r"<[^>]*>", "", string)
            assert not re.search('[“”"]', plain), string
            assert not re.search(r"[а-яё,] - ", plain), string
            assert not re.search(
                r"\b(еще|все еще|ее|идет|дает|придет|найден[оы]? еще)\b", plain, re.I
            ), string


def test_ends_are_kept(texts):
    """A sentence stays a sentence, and a title a title."""
    for ids, strings in texts:
        # Months are short for something in Russian.
        for string in strings if len(ids[0]) > 4 else ():
            assert (ids[0][-1] in ".:…?") == (string[-1] in ".:…?"), string


def test_three_forms_count_as_russians_do(path):
    with path.with_suffix(".mo").open("rb") as file:
        words = gettext.GNUTranslations(file)
    counted = [words.ngettext("%(count)d alert", "%(count)d alerts", n) for n in (1, 21, 2, 5, 11)]
    one, few, many = "оповещение", "оповещения", "оповещений"
    assert [text.split()[-1] for text in counted] == [one, one, few, many, many]


def test_the_compiled_one_is_that_of_its_source(path, catalogue):
    """Nobody needs another program to run the panel, so what was compiled is kept."""
    with path.with_suffix(".mo").open("rb") as file:
        kept = gettext.GNUTranslations(file)._catalog
    made = gettext.GNUTranslations(io.BytesIO(messages.compiled(catalogue)))._catalog
    assert {key: text for key, text in kept.items() if key} == {
        key: text for key, text in made.items() if key
    }
