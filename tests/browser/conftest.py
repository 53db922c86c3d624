"""A real browser against the panel as `make run` starts it, with demo data.

Wait with `expect` and `page.wait_for_function("() => …")`: the policy of our pages forbids the
browser to evaluate expressions given as plain strings.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect, sync_playwright

from dev import ROOT

PASSWORD = "demo"
SECONDS_TO_START = 180
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@dataclass(frozen=True)
class Stack:
    url: str
    proxmox_url: str
    var: Path

    def proxmox(self, method, path):
        """A call to the simulated Proxmox past the panel, as somebody in its own page would."""
        tokens = json.loads((self.var / "simulator" / "token.json").read_text())["tokens"]
        # By requests, as the panel itself: each role has a token of its own.
        user = "panel@pve!read" if method == "GET" else "panel@pve!act"
        answer = requests.request(
            method,
            f"{self.proxmox_url}/api2/json/{path}",
            headers={"Authorization": f"PVEAPIToken={user}={tokens[user]}"},
            verify=str(self.var / "simulator" / "ca.pem"),
            timeout=20,
        )
        answer.raise_for_status()
        return answer.json()["data"]

    def fault(self, **wish):
        """Something done to the simulated cluster behind everybody's back."""
        tokens = json.loads((self.var / "simulator" / "token.json").read_text())
        requests.post(
            f"{self.proxmox_url}/simulator/faults",
            json=wish,
            headers={"Authorization": f"PVEAPIToken={tokens['token_id']}={tokens['secret']}"},
            verify=str(self.var / "simulator" / "ca.pem"),
            timeout=20,
        ).raise_for_status()

    def guest(self, name):
        return next(
            guest
            for guest in self.proxmox("GET", "cluster/resources?type=vm")
            if guest.get("name") == name
        )

    def power(self, name, verb):
        guest = self.guest(name)
        self.proxmox("POST", f"nodes/{guest['node']}/{guest['id']}/status/{verb}")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def stack():
    """The panel on ports and in a data folder of its own, until the tests are done."""
    var = Path(tempfile.mkdtemp(prefix="panel-browser-"))
    panel, simulator = free_port(), free_port()
    env = {
        **os.environ,
        "PANEL_PORT": str(panel),
        "SIMULATOR_PORT": str(simulator),
        "PANEL_VAR": str(var),
        "POLL_INTERVAL": "2",
    }
    # pytest-django put the tests' own there.
    env.pop("DJANGO_SETTINGS_MODULE", None)
    log = var / "run.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dev.run"], cwd=ROOT, env=env, stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{panel}"
        wait_for(f"{url}/health/live", process, log)
        yield Stack(url, f"https://127.0.0.1:{simulator}", var)
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(var, ignore_errors=True)


def wait_for(url, process, log):
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The panel did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def chromium():
    """Fails without a browser: tests that are left out prove nothing. `make test` names one."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def sessions(chromium, stack):
    """Signed-in cookies by mail address, got once each."""
    known = {}

    def cookies_of(email):
        if email not in known:
            context = chromium.new_context(base_url=stack.url, locale="en-GB")
            sign_in(context.new_page(), email)
            known[email] = context.storage_state()
            context.close()
        return known[email]

    return cookies_of


@pytest.fixture
def open_page(chromium, stack, sessions):
    """Opens a path as somebody; what the browser complains of fails the test.

    Failed requests are expected where a test cuts the line: `quiet=False`.
    """
    contexts = []
    complaints = []

    def open_as(email, path="/", *, quiet=True, viewport=DESKTOP, before=None, **options):
        context = chromium.new_context(
            base_url=stack.url,
            locale="en-GB",
            timezone_id="Europe/Berlin",
            viewport=viewport,
            storage_state=sessions(email) if email else None,
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        if quiet:
            page.on("console", lambda message: note(complaints, message))
            page.on("pageerror", lambda error: complaints.append(str(error)))
        if before:
            before(page)
        page.goto(path)
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert complaints == []


def note(complaints, message):
    # A page that is left at once has no use for the socket it was about to open.
    is_leaving = "closed before the connection is established" in message.text
    if message.type in {"error", "warning"} and not is_leaving:
        complaints.append(message.text)


def sign_in(page, email, password=PASSWORD):
    page.goto("/sign-in/")
    page.get_by_label("Mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Servers", exact=True)).to_be_visible()
