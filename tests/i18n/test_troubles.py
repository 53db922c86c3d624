"""Whatever the gateway and the registration of clusters say is known in Russian."""

import ast
import re
from pathlib import Path

import pytest
from django.utils import translation

from servers import troubles
from servers.proxmox.privileges import NEEDS

ROOT = Path(__file__).resolve().parents[2]
# Of replies that Proxmox never sends, programs that ask for what does not exist, and consoles,
# whose ends have words of their own.
NOT_FOR_PEOPLE = re.compile(
    r"^(This is no (name of a node|kind of guest|name of a snapshot|UPID)|The guest agent's reply"
    r"|The reply (does not name a task|holds no ticket|is no list))"
)
SOURCES = (
    "servers/proxmox/session.py", "servers/proxmox/tls.py", "servers/proxmox/gateway.py",
    "servers/proxmox/replies.py", "servers/registration.py", "servers/clusters.py",
)  # fmt: skip


def said(path):
    """The texts of errors that a module makes, each place in them filled with digits."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = ast.unparse(node.func)
        ours = name.startswith(("Proxmox", "Not", "Untrusted", "NotRegistered", "ValueError"))
        first = node.args[0]
        if not ours:
            continue
        if isinstance(first, ast.BoolOp):
            first = first.values[-1]
        if isinstance(first, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "12" for p in first.values)
            yield "".join(str(part) for part in parts)
        elif isinstance(first, ast.Constant):
            yield first.value


@pytest.mark.parametrize("path", SOURCES)
def test_a_module(path):
    texts = {text for text in said(path) if not NOT_FOR_PEOPLE.match(text)}
    assert texts
    with translation.override("ru"):
        left = {
            text for text in texts if re.search("[a-z]", text) and troubles.shown(text) == text
        }
    assert left <= {"12 12"}, left


def test_what_is_lost_without_a_privilege():
    with translation.override("ru"):
        assert all(re.search("[а-я]", troubles.shown(need.loss)) for need in NEEDS)


def test_what_others_say_is_left_as_it_is():
    with translation.override("ru"):
        assert troubles.shown("no such VM ('105')") == "no such VM ('105')"
        assert troubles.shown("") == ""
