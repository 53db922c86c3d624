"""docs/api.md, line by line, as a reader would run it."""

import re
import subprocess

import pytest

from dev import ROOT

pytestmark = pytest.mark.browser


def script():
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/api.md").read_text(), re.M | re.S)
    assert len(blocks) > 8
    return "set -euo pipefail\n" + "\n".join(blocks)


def test_every_example_works(stack):
    done = subprocess.run(
        ["bash", "-c", script()],
        env={"PANEL": stack.url, "PATH": "/usr/bin:/bin:/usr/local/bin", "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    said = done.stdout
    for words in (
        "Restarted.",
        "root has the new password.",
        "Deleted, with its disks.",
        "The snapshot “Before the upgrade” was taken.",
        "Rolled back to “Before the upgrade”.",
        "The snapshot “Before the upgrade” was deleted.",
    ):
        assert words in said
    assert '"wrong_state"' in said
    assert "/console/" in said
    assert re.search(r"(\w{5}-){3}\w{5}\n", said), "a generated password"
