"""Who may do what: roles, ACLs, pools and API tokens, by the rules of pve-access-control."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from servers.simulator.chance import identifier
from servers.simulator.roles import ROLES

# Paths that /access/permissions always looks at, whether or not an ACL names them.
_FIXED_PATHS = (
    "/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`privsep`: it may only what both the token and its user may."""

    token_id: str
    secret: str
    privsep: bool

    @property
    def user(self) -> str:
        return self.token_id.partition("!")[0]

    @property
    def authorization(self) -> str:
        return f"PVEAPIToken={self.token_id}={self.secret}"


@dataclass(slots=True)
class Access:
    """Users, tokens, ACLs and the pools that pass rights on to their members."""

    seed: int = 1
    tokens: dict[str, Token] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=lambda: dict(ROLES))
    pools: dict[str, set[int]] = field(default_factory=dict)
    _acl: dict[str, dict[str, dict[str, bool]]] = field(default_factory=dict)
    _cache: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    def add_token(
        self, token_id: str, *, secret: str | None = None, privsep: bool = True
    ) -> Token:
        """`user@realm!name`, with a secret that follows from the seed when none is given."""
        secret = secret or identifier("token", self.seed, token_id)
        token = Token(token_id, secret, privsep)
        self.tokens[token_id] = token
        self._cache.clear()
        return token

    def remove_token(self, token_id: str) -> None:
        self.tokens.pop(token_id, None)
        self._cache.clear()

    def authorization(self, token_id: str) -> str:
        """The value of the Authorization header of this token."""
        return self.tokens[token_id].authorization

    def grant(self, path: str, subject: str, role: str, *, propagate: bool = True) -> None:
        """Give a role on a path to a user (`ann@pve`) or a token (`ann@pve!panel`)."""
        if role not in self.roles:
            raise KeyError(role)
        self._acl.setdefault(path, {}).setdefault(subject, {})[role] = propagate
        self._cache.clear()

    def revoke(self, subject: str) -> None:
        """Take every right of this user or token; it still exists and signs in."""
        for entries in self._acl.values():
            entries.pop(subject, None)
        self._cache.clear()

    def put_into_pool(self, pool: str, vmids: Iterable[int]) -> None:
        self.pools.setdefault(pool, set()).update(vmids)
        self._cache.clear()

    def forget_guest(self, vmid: int) -> None:
        """Proxmox drops a destroyed guest from its pool and its ACLs."""
        for members in self.pools.values():
            members.discard(vmid)
        self._acl.pop(f"/vms/{vmid}", None)
        self._cache.clear()

    def privileges(self, identity: str, path: str) -> dict[str, int]:
        """Privilege to its propagate flag, for a token or a user, on one path."""
        key = (identity, path)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._privileges(identity, path)
        return found

    def effective(self, identity: str) -> dict[str, dict[str, int]]:
        """What /access/permissions answers: each path on which there is any right."""
        paths = {*_FIXED_PATHS, *self._acl}
        paths |= {f"/vms/{vmid}" for members in self.pools.values() for vmid in members}
        rights = {path: self.privileges(identity, path) for path in sorted(paths)}
        return {path: privileges for path, privileges in rights.items() if privileges}

    def _privileges(self, identity: str, path: str) -> dict[str, int]:
        token = self.tokens.get(identity)
        if token is not None and not token.privsep:
            return self.privileges(token.user, path)
        own = self._role_privileges(identity, path)
        if token is None:
            return own
        user = self.privileges(token.user, path)
        return {name: own[name] & user[name] for name in own if name in user}

    def _role_privileges(self, subject: str, path: str) -> dict[str, int]:
        if subject == "root@pam":
            return dict.fromkeys(self.roles["Administrator"], 1)
        roles = self._roles(subject, path)
        if "NoAccess" not in roles:
            roles = roles | dict.fromkeys(self._pool_roles(subject, path), False)
        if "NoAccess" in roles:
            return {}
        privileges: dict[str, int] = {}
        for role, propagate in roles.items():
            for name in self.roles[role]:
                privileges[name] = privileges.get(name, 0) | int(propagate)
        return privileges

    def _roles(self, subject: str, path: str) -> dict[str, bool]:
        """The deepest ACL along the path wins; it replaces what was inherited."""
        roles: dict[str, bool] = {}
        for prefix in _prefixes(path):
            entries = self._acl.get(prefix, {}).get(subject, {})
            here = {role: on for role, on in entries.items() if on or prefix == path}
            roles = here or roles
        return roles

    def _pool_roles(self, subject: str, path: str) -> Iterator[str]:
        for pool, members in self.pools.items():
            if path.startswith("/vms/") and path[5:].isdigit() and int(path[5:]) in members:
                yield from self._roles(subject, f"/pool/{pool}")


def _prefixes(path: str) -> Iterator[str]:
    yield "/"
    walked = ""
    for part in path.strip("/").split("/"):
        if part:
            walked += f"/{part}"
            yield walked
