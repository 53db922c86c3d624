"""What of a page is not Russian."""

import json
import re
from html.parser import HTMLParser

READ_OUT = {
    "title", "aria-label", "aria-description", "aria-valuetext", "placeholder", "alt",
    "data-copied",
}  # fmt: skip
NOT_READ = {"script", "style", "code", "kbd", "pre"}
# Alternatives of images that Django has in English alone.
OF_DJANGO = {"True", "False", "None", "Search"}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
# Mail addresses, addresses of pages, names of zones, tokens and fingerprints.
NOT_WORDS = re.compile(
    r"\S+\*{3,}|\S+@\S+|\w+://\S+|\b[A-Z]\w+/\w+(?:/\w+)?|\S*[0-9a-f]{2}:[0-9a-f]{2}:\S*|UPID:\S+|/[\w./-]+"
)
LATIN = re.compile(r"[A-Za-z]{2,}")
# Names, units as Proxmox has them, and what has one name in any language.
KNOWN = {
    "API", "ASCII", "Alt", "BIOS", "BotFather", "CA", "CPU", "CSV", "Ctrl", "Del", "English",
    "GB", "GiB", "HTTP", "ID", "IP", "IPv", "ISO", "Idempotency", "JSON", "JavaScript", "Key",
    "KiB", "LXC", "MB", "MiB", "PB", "PEM", "POST", "Panel", "PiB", "Proxmox", "QEMU", "SHA",
    "SMBIOS", "Shift", "TB", "Telegram", "TiB", "UPID", "US", "UTC", "UUID", "VE", "VMID", "VNC",
    "Win", "agent", "api", "auth", "beat", "cloud", "cookie", "env", "ext", "guest", "html", "https", "init",
    "kB", "name", "passwd", "prod", "qemu", "root", "serial", "vCPU", "var", "Worker", "worker", "XLSX",
    "Esc", "Tab", "PrtSc", "SysRq", "Backspace", "Enter", "Home", "End", "PgUp", "PgDn", "Insert",
    "Delete", "cpu", "Markdown", "PBKDF", "Certificates", "Docker", "EMAIL", "GuestAgent", "Monitor", "PanelAct", "System", "VM", "LDAP", "On", "Sing", "Single", "SSO", "URL", "VCPU", "md", "pbkdf", "sha",
}  # fmt: skip


class Texts(HTMLParser):
    """What is read of a page: texts and labels, but for what is said to be in another language."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.stack = []
        self.json = False

    @property
    def is_read(self):
        return not any(skipped for _, skipped in self.stack)

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        is_json = tag == "script" and names.get("type") == "application/json"
        skipped = (tag in NOT_READ and not is_json) or (
            tag != "html" and names.get("lang", "ru") != "ru"
        )
        skipped = skipped or names.get("dir") == "auto" or names.get("name") == "time_zone"
        if tag not in VOID:
            self.stack.append((tag, skipped))
        if skipped or not self.is_read:
            return
        if names.get("alt") not in OF_DJANGO:
            self.found += [value for name, value in attrs if name in READ_OUT and value]
        if tag == "input" and names.get("type") in {"submit", "button"}:
            self.found.append(names.get("value") or "")
        self.json = is_json

    def handle_endtag(self, tag):
        while self.stack and tag in {name for name, _ in self.stack}:
            if self.stack.pop()[0] == tag:
                break

    def handle_data(self, data):
        if not self.is_read:
            return
        if self.json:
            self.found += list(strings(json.loads(data)))
            self.json = False
        else:
            self.found.append(data)


def strings(value):
    """What modules write; codes that they look things up by are keys."""
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str) and (" " in value or not value.islower()):
        yield re.sub(r"\{\w+\}", "", value)


def leftovers(html):
    """Texts with words that are not Russian, nor names."""
    parser = Texts()
    parser.feed(html)
    for text in parser.found:
        if set(LATIN.findall(NOT_WORDS.sub(" ", text))) - KNOWN:
            yield " ".join(text.split())[:120]
