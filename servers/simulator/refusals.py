"""How Proxmox says no: a status, its words in the reason phrase, and sometimes a body."""

from collections.abc import Mapping


class Refusal(Exception):
    """An answer that is not 200. `delay` is how many seconds Proxmox takes to give it."""

    def __init__(
        self,
        status: int,
        words: str,
        *,
        errors: Mapping[str, str] | None = None,
        bare: bool = False,
        newline: bool = True,
        delay: float = 0.0,
    ) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.errors = errors
        self.bare = bare
        self.newline = newline
        self.delay = delay


def failed(words: str, *, delay: float = 0.0) -> Refusal:
    """The 500 with which Proxmox reports whatever its own code died of."""
    return Refusal(500, words, delay=delay)


def invalid(errors: Mapping[str, str]) -> Refusal:
    return Refusal(400, "Parameter verification failed.", errors=errors)


def forbidden(path: str, privileges: str) -> Refusal:
    return Refusal(403, f"Permission check failed ({path}, {privileges})")


def unauthenticated(words: str, *, delay: float) -> Refusal:
    return Refusal(401, words, bare=True, delay=delay)


def no_config(node: str, folder: str, vmid: int) -> Refusal:
    return failed(missing_config(node, folder, vmid))


def missing_config(node: str, folder: str, vmid: int) -> str:
    return f"Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist"
