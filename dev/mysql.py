"""The MySQL driver is compiled: it is built where it can be, and demanded where it is used."""

import os
import re
import shutil

from dev import ROOT
from dev.commands import works

REQUIRED = "required"
BUILDABLE = "buildable"
NOT_BUILDABLE = "not buildable"

LIBRARIES = ("mysqlclient", "mariadb", "libmariadb")

LEFT_OUT = "mysqlclient left out: no MySQL headers or compiler here, and SQLite needs neither"
MISSING = (
    "DATABASE_URL is a MySQL one, and its driver, mysqlclient, could not be built."
    " It needs a compiler and headers:\n"
    "  apt-get install build-essential pkg-config python3-dev default-libmysqlclient-dev"
)

PIN = re.compile(r"^mysqlclient\b.*$\n?", re.MULTILINE)


def standing() -> str:
    """Whether the driver has to be there, can be built, or neither."""
    if _database_url().startswith("mysql"):
        return REQUIRED
    return BUILDABLE if _is_buildable() else NOT_BUILDABLE


def pin(requirements: str) -> str:
    """The driver's line in the pinned requirements."""
    found = PIN.search(requirements)
    return found.group().strip() if found else "mysqlclient"


def without_driver(requirements: str) -> str:
    return PIN.sub("", requirements)


def _database_url() -> str:
    if url := os.environ.get("DATABASE_URL"):
        return url
    try:
        lines = (ROOT / ".env").read_text().splitlines()
    except OSError:
        return ""
    values = [line.partition("=")[2] for line in lines if re.match(r"\s*DATABASE_URL\s*=", line)]
    return values[-1].strip().strip("\"'") if values else ""


def _is_buildable() -> bool:
    has_compiler = any(shutil.which(name) for name in ("cc", "gcc", "clang"))
    return has_compiler and any(works("pkg-config", "--exists", name) for name in LIBRARIES)
