"""Whether a guest is still the one that a server was made for. Pure."""


def same_guest(known: str, reported: str) -> bool:
    """Whether two identities, as the gateway makes them, tell the same guest.

    A VM is told by its SMBIOS UUID. A container has none; its MAC address is drawn anew for a new
    one, but may be changed on a living one too, so two differences are asked for.
    """
    if known == reported:
        return True
    if not known.startswith("hwaddr=") or not reported.startswith("hwaddr="):
        return False
    before, after = known.split("|"), reported.split("|")
    differences = [a for a, b in zip(before, after, strict=False) if a != b]
    return before[0] == after[0] or len(differences) < 2
