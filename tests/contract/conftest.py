"""The real API's schema and recorded replies, from the folder that PVE_CONTRACT names."""

import os
from pathlib import Path

import pytest

from tests.contract.schema import Schema

VARIABLE = "PVE_CONTRACT"
MISSING = f"set {VARIABLE} to the folder that has pve-api.json and pve-replies/"


def folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


@pytest.fixture(scope="session")
def contract() -> Path:
    """The folder. Without it these tests skip, and on CI they fail: nothing would hold us to
    the real API there."""
    found = folder()
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="session")
def schema(contract: Path) -> Schema:
    return Schema.load(contract)
