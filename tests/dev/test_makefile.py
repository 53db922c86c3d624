"""Each target of the Makefile does something, whatever the folder holds."""

import re
import subprocess

import pytest

from dev import ROOT

TEXT = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):", TEXT, re.MULTILINE)


@pytest.mark.parametrize("target", TARGETS)
def test_a_folder_of_its_name_does_not_confuse_it(target, tmp_path):
    (tmp_path / "Makefile").write_text(TEXT)
    (tmp_path / target).mkdir()

    planned = subprocess.run(
        ["make", "--dry-run", target], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert planned.stdout.strip()
    assert "up to date" not in planned.stdout


def test_help_tells_every_target():
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert re.findall(r"^  make ([a-z]+) ", told, re.MULTILINE) == TARGETS
