"""The first run of a fresh installation, as its first administrator goes through it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dev import ROOT
from tests.browser.conftest import DESKTOP, free_port, wait_for

pytestmark = pytest.mark.browser

PASSWORD = "a-much-better-one"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def fresh():
    """A panel without people and clusters, a simulated Proxmox beside it."""
    with tempfile.TemporaryDirectory(prefix="panel-fresh-", ignore_cleanup_errors=True) as folder:
        var, panel, simulator = Path(folder), free_port(), free_port()
        env = {
            **os.environ,
            "PANEL_PORT": str(panel),
            "SIMULATOR_PORT": str(simulator),
            "PANEL_VAR": folder,
            "POLL_INTERVAL": "2",
            "DEMO": "no",
        }
        env.pop("DJANGO_SETTINGS_MODULE", None)
        log = var / "run.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "dev.run"], cwd=ROOT, env=env, stdout=output, stderr=output
            )
        try:
            wait_for(f"http://127.0.0.1:{panel}/health/live", process, log)
            yield Fresh(panel, simulator, var, env)
        finally:
            process.terminate()
            process.wait(60)


class Fresh:
    def __init__(self, port, simulator, var, env):
        self.url, self.simulator, self.var, self.env = (
            f"http://127.0.0.1:{port}",
            simulator,
            var,
            env,
        )

    def setup_link(self):
        return subprocess.run(
            [sys.executable, "manage.py", "setup_link"],
            cwd=ROOT, env=self.env, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    @property
    def token(self):
        return json.loads((self.var / "simulator" / "token.json").read_text())

    def invitation(self):
        """The link of the newest mail, which are files here."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for file in sorted((self.var / "mail").glob("*"), reverse=True):
                body = file.read_text().replace("=\n", "").replace("=3D", "=")
                if found := re.search(r"http\S+/password/set/[^\s\"<]+", body):
                    return found[0]
            time.sleep(0.5)
        pytest.fail("No mail with a link came.")


def test_from_nobody_to_a_first_customer(fresh, chromium):
    context = chromium.new_context(
        base_url=fresh.url, locale="en-GB", viewport=DESKTOP, bypass_csp=True
    )
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", name="This panel has no administrator yet")).to_be_visible()
    faultless(page)

    page.goto(fresh.setup_link())
    faultless(page)
    page.get_by_label("Mail address").fill("first@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()

    expect(page.get_by_role("heading", name="A token for the panel")).to_be_visible()
    page.get_by_label("Name").fill("fra1")
    page.get_by_label("Addresses of its nodes").fill(f"https://127.0.0.1:{fresh.simulator}")
    page.get_by_label("Token ID").fill(fresh.token["token_id"])
    page.get_by_label("Secret of the token").fill(fresh.token["secret"])
    page.get_by_role("button", name="Check and add it").click()
    expect(page.get_by_text("Is this your Proxmox?")).to_be_visible()
    faultless(page)
    page.get_by_label("They are the same: trust this certificate").check()
    page.get_by_role("button", name="Trust it and go on").click()
    expect(page.get_by_role("heading", name="fra1 is registered")).to_be_visible()
    faultless(page)

    page.get_by_role("link", name="Go on to its servers").click()
    expect(page.get_by_role("rowheader", name="web1")).to_be_visible(timeout=30_000)
    faultless(page)

    page.get_by_role("link", name="Go on to mail").click()
    page.get_by_role("button", name="Send a test to first@example.com").click()
    expect(page.get_by_text("The test got there.")).to_be_visible(timeout=30_000)
    faultless(page)

    page.get_by_role("link", name="Go on to a first customer").click()
    page.get_by_label("Mail address").fill("customer@example.com")
    page.get_by_role("checkbox", name=re.compile("web1")).check()
    faultless(page)
    page.get_by_role("button", name="Add and invite").click()
    expect(page.get_by_role("heading", name="The panel is set up")).to_be_visible()
    faultless(page)
    context.close()

    customer = chromium.new_context(base_url=fresh.url, locale="en-GB", bypass_csp=True)
    page = customer.new_page()
    page.goto(fresh.invitation())
    faultless(page)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Keep it and sign in").click()
    expect(page.get_by_role("link", name="web1")).to_be_visible()
    customer.close()


def faultless(page):
    """What axe finds in both themes is nothing."""
    if folder := os.environ.get("PICTURES"):
        name = re.sub(r"\W+", "-", page.locator("h1, h2").last.inner_text())
        page.screenshot(path=f"{folder}/setup-{name}.png", full_page=True)
    page.evaluate(AXE.read_text())
    for theme in ("light", "dark"):
        # Without motion, colours do not take their time.
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = page.evaluate("async () => (await axe.run()).violations")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
