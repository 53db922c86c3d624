"""What can go wrong between us and Proxmox.

ProxmoxError
  ProxmoxUnreachable     no answer: network, TLS, timeout, Proxmox's own 595 to 599: retry later
    NotDelivered         certainly not even heard: no connection, or 595 for the node behind it
      CertificateMismatch  its certificate is not the one that was pinned or signed by the CA
    ProxmoxMalformed     it answered, but not as Proxmox does: a proxy, a portal, half a reply
  ProxmoxDenied          401, 403: the token lacks a right: tell the staff, do not retry
  ProxmoxRefused         it understood and said no, with its words: tell the user
"""


class ProxmoxError(Exception):
    """`str()` is one sentence for people and never holds a secret."""


class ProxmoxUnreachable(ProxmoxError):
    pass


class NotDelivered(ProxmoxUnreachable):
    """What was asked for was not done, and may be asked for again."""


class CertificateMismatch(NotDelivered):
    pass


class ProxmoxMalformed(ProxmoxUnreachable):
    pass


class ProxmoxDenied(ProxmoxError):
    pass


class ProxmoxRefused(ProxmoxError):
    pass
