"""Each event that is recorded has words."""

import ast
import re

from accounts import events
from tests.test_conventions import SOURCES

EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
RECORDING = ("record", "note", "note_change", "recorded")


def recorded():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in RECORDING:
                yield from codes(node.args[:2])


def codes(given):
    """Also where one of two is chosen."""
    for each in given:
        for part in ast.walk(each):
            if isinstance(part, ast.Constant) and EVENT.fullmatch(str(part.value)):
                yield part.value


def test_they_are_in_words():
    found = set(recorded())
    assert len(found) > 20
    assert found - set(events.WORDS) == set()
