"""No text stands in a template or a script by itself, where nobody can translate it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static/js").glob("*.js"))

TRANSLATED = re.compile(
    r"{%-?\s*blocktrans(?:late)?\b.*?{%-?\s*endblocktrans(?:late)?\s*-?%}", re.S
)
COMMENT = re.compile(r"{%\s*comment\b.*?{%\s*endcomment\s*%}|{#.*?#}", re.S)
# Names of styles, in a page of Django's.
STYLES = re.compile(r"{%\s*block (?:coltype|bodyclass)\s*%}.*?{%\s*endblock\s*%}", re.S)
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.S)
READ_OUT = {
    "title",
    "aria-label",
    "aria-description",
    "aria-roledescription",
    "placeholder",
    "alt",
}
WORD = re.compile(r"[^\W\d_]{2,}")
# Names of keys, and of what has one name everywhere.
NAMES = {"Ctrl", "Alt", "Del", "Shift", "vCPU", "CPU"}


class Words(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self.skipped = 0

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in {"script", "style", "code", "kbd"}
        self.found += [value for name, value in attrs if name in READ_OUT and value]
        names = dict(attrs)
        if tag == "input" and names.get("type") in {"submit", "button"}:
            self.found.append(names.get("value") or "")

    def handle_endtag(self, tag):
        self.skipped -= tag in {"script", "style", "code", "kbd"}

    def handle_data(self, data):
        if not self.skipped:
            self.found.append(data)


def bare(source):
    parser = Words()
    parser.feed(TAG.sub("", STYLES.sub("", TRANSLATED.sub("", COMMENT.sub("", source)))))
    return [word for text in parser.found for word in WORD.findall(text) if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template(path):
    assert bare(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    ["<p>Hello there</p>", '<a title="Go on">{{ x }}</a>', "{% if a %}Yes{% endif %}",
     '<input type="submit" value="Save">'],
)  # fmt: skip
def test_that_it_would_be_found(source):
    assert bare(source)


LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`')
SCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", re.S)
# Of two words or more, or one with a capital that no program has given a meaning.
PROSE = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}|[A-Z][a-z]+[.!?…]?$|[^\x00-\x7f]*[а-яё]")
# Names of keys, events, errors, headers, methods and styles.
OF_PROGRAMS = {
    "AbortError", "Accept", "Alt", "Authorization", "Backspace", "Control", "Delete", "End",
    "bytes per second", "Enter", "Escape", "Home", "Meta", "Shift", "Tab", "Insert", "Win",
}  # fmt: skip


def prose(source):
    for literal in LITERAL.findall(SCRIPT_COMMENT.sub("", source)):
        text = re.sub(r"\$\{[^}]*\}", "", literal[1:-1]).strip()
        if PROSE.match(text) and text not in OF_PROGRAMS and not is_of_styles(text):
            yield text


def is_of_styles(text):
    """Selectors, lists of classes, media queries."""
    return bool(re.search(r"[\[\]#>()=]|^[a-z]+(-[a-z]+)* [a-z]+(-[a-z]+)+$", text))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script(path):
    assert list(prose(path.read_text())) == []


@pytest.mark.parametrize("source", ['x = "Try again";', 'x = "Copied";', "x = `It took ${n} s`;"])
def test_that_prose_would_be_found(source):
    assert list(prose(source))
