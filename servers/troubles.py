"""What is wrong with a cluster, as the gateway says it in English, in the language of a reader.

tests/i18n/test_troubles.py finds what the gateway says and this does not know.
"""

import re

from django.utils.translation import gettext_noop as noop

from accounts.stored import Sentences

NEXT_ENDPOINT = re.compile(r"(?<=\.) (?=\S+:\d+ )")
SENTENCES = Sentences(
    # The connection
    noop("%(endpoint)s redirects elsewhere: this is no Proxmox API."),
    noop("%(endpoint)s sent an endless reply."),
    noop("%(endpoint)s did not accept a connection."),
    noop("%(endpoint)s refuses the connection."),
    noop("%(endpoint)s did not answer within %(seconds)s s."),
    noop("%(endpoint)s broke the connection off."),
    noop("%(endpoint)s cannot be asked: %(error)s."),
    noop("%(endpoint)s shows another certificate than the one that was pinned."),
    noop("The certificate of %(endpoint)s cannot be trusted:%(why)s."),
    noop("%(endpoint)s does not speak TLS as it should."),
    noop("%(endpoint)s does not answer with TLS: %(error)s"),
    noop("%(endpoint)s shows no certificate."),
    # The answer
    noop("The reply is not the JSON that Proxmox sends."),
    noop("The reply has no data, as every reply of Proxmox has."),
    noop("The reply is not of the form that was asked for (%(error)s)."),
    noop("The token was not accepted (%(why)s)."),
    noop("Permission check failed."),
    noop("The node does not answer (%(why)s)."),
    noop("A gateway answers in place of Proxmox (%(why)s)."),
    noop("Proxmox answered %(status)s."),
    noop("The reply holds no version: is this a Proxmox VE?"),
    # What was entered
    noop("%(text)s: Proxmox speaks https alone."),
    noop("The address must not hold a user or a password."),
    noop("%(text)s: the port is no port."),
    noop("%(text)s: this is no address like https://pve1.example.com:8006."),
    noop("%(token)s is no token ID; it looks like panel@pve!panel."),
    noop(
        "The token's secret is missing or no secret; Proxmox shows it once, when the token is "
        "made, as five groups of letters and digits."
    ),
    noop("%(endpoint)s is registered already, as %(name)s."),
    noop("A SHA-256 fingerprint has 32 bytes, like 62:07:F1:…"),
    noop("This is no PEM certificate."),
    noop("%(cluster)s has no API token or no endpoint yet."),
    noop(
        "The stored secret of %(token)s cannot be decrypted: the key it was encrypted with is "
        "missing from ENCRYPTION_KEYS."
    ),
    # The cycle
    noop(
        "Proxmox lists no guest at all. Its servers are kept. Most likely the token lost VM.Audit: "
        "check it with manage.py check_cluster."
    ),
    noop("Proxmox lists no guest. Does the token have VM.Audit, on / or on a pool?"),
    noop("%(count)s rows of Proxmox's list could not be read and were left out."),
    # What is lost without a privilege
    noop("no guest can be seen at all"),
    noop("disk use and addresses of virtual machines are not known"),
    noop("the load of nodes is not shown"),
    noop("storages are not shown"),
    noop("servers cannot be started or stopped"),
    noop("consoles do not open"),
    noop("snapshots cannot be taken"),
    noop("snapshots cannot be rolled back"),
    noop("no root password can be set for the next boot"),
    noop("servers cannot be deleted"),
    noop("the root password of a running server cannot be reset"),
)


def shown(text: str) -> str:
    """Of several endpoints, each has a sentence of its own."""
    return " ".join(SENTENCES.shown(each) for each in NEXT_ENDPOINT.split(text))
