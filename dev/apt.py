"""Install a distribution's package where we may, and name it where we may not."""

import os
import shutil

from dev.commands import CommandFailed, run, works

NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive"}


def may_install() -> bool:
    """Root, or a sudo that asks for no password, on a machine with apt."""
    if not shutil.which("apt-get"):
        return False
    return os.geteuid() == 0 or (bool(shutil.which("sudo")) and works("sudo", "-n", "true"))


def install(*packages: str) -> None:
    """Raises CommandFailed with what apt said."""
    # A fresh machine may still be running its own upgrades: wait for them.
    lock = ["-o", "DPkg::Lock::Timeout=120"]
    command = ["apt-get", *lock, "install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        _as_root(command)
    except CommandFailed:
        # A fresh machine, or an image with its lists removed, knows no package yet.
        _as_root(["apt-get", *lock, "update", "-q"])
        _as_root(command)


def _as_root(command: list[str]) -> None:
    # sudo drops the environment, so the setting stands on its command line.
    settings = [f"{name}={value}" for name, value in NONINTERACTIVE.items()]
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    run([*sudo, "env", *settings, *command])
