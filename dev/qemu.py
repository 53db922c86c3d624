"""A QEMU with a VNC server, which the tests show as a guest's screen: the real thing."""

import os
import shutil

from dev import apt
from dev.commands import CommandFailed, Failure, works
from dev.progress import say

NAMES = ("qemu-system-x86_64", "qemu-kvm", "/usr/libexec/qemu-kvm")


def environment() -> dict[str, str]:
    """The variable by which the browser tests find it. Raises Failure."""
    return {"QEMU": find()}


def find() -> str:
    if named := os.environ.get("QEMU"):
        return named
    said = "nothing here may install packages"
    if path := _present():
        return path
    if apt.may_install():
        say("Installing the distribution's QEMU …")
        try:
            apt.install("qemu-system-x86")
        except CommandFailed as error:
            said = str(error)
        if path := _present():
            return path
    raise Failure(
        "No QEMU could be had, and the console's test is not left out for that: "
        f"{said}\n\nInstall one (on Debian: apt-get install qemu-system-x86)."
    )


def _present() -> str | None:
    for name in NAMES:
        if (path := shutil.which(name)) and works(path, "--version"):
            return path
    return None
