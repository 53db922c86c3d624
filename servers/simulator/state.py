"""What a simulator keeps between two runs: its tokens' secrets and when its world began."""

import json
from pathlib import Path
from uuid import uuid4

from servers.simulator import demo
from servers.simulator.access import Access

TOKEN_FILE = "token.json"  # noqa: S105 - the name of a file
_WORLD_FILE = "world.json"


def share_tokens(access: Access, folder: Path) -> Path:
    """Give the cluster the secrets in `token.json`, and make them where they lack.

    The file holds `token_id` and `secret` of the token that may do everything, and under
    `tokens` the secret of every token by its id. Only its owner may read it.
    """
    path = folder / TOKEN_FILE
    known: dict[str, str] = {}
    if path.is_file():
        known = json.loads(path.read_text()).get("tokens", {})
    secrets = {name: known.get(name) or str(uuid4()) for name in access.tokens}
    for name, secret in secrets.items():
        access.add_token(name, secret=secret, privsep=access.tokens[name].privsep)
    if secrets != known:
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        content = {"token_id": demo.FULL, "secret": secrets[demo.FULL], "tokens": secrets}
        path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def beginning(folder: Path, now: float) -> float:
    """When the world in this folder began, so that uptimes go on after a restart; unix time."""
    path = folder / _WORLD_FILE
    if path.is_file():
        began = float(json.loads(path.read_text())["started_at"])
        if began <= now:
            return began
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"started_at": now}) + "\n")
    return now
