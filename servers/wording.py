"""Plain words for what was found out about a cluster."""

from servers.registration import Examination, Finding


def describe(examination: Examination) -> list[str]:
    """Version, what the token sees, and for each privilege it lacks what will not work."""
    lines = [
        f"Proxmox VE {examination.version.release}; the token sees {examination.guests} guests.",
    ]
    for finding in examination.findings:
        lines += lacking(finding)
    return lines


def lacking(finding: Finding) -> list[str]:
    if not finding.lacking:
        return [f"{finding.token_id} has all the rights it needs."]
    lines = [f"{finding.token_id} lacks:"]
    lines += [f"  {need.name(finding.major)}: {need.loss}" for need in finding.lacking]
    which = "PVE 9" if finding.major >= 9 else "PVE 8"
    lines.append(
        f"To mend it, as root on a node ({which}; / may be a pool, like /pool/customers):"
    )
    lines += [f"  {line}" for line in finding.mending]
    if any(line.startswith("pveum role add") for line in finding.mending):
        lines.append("  (for a role that is there: pveum role modify ROLE --append 1 --privs …)")
    return lines
