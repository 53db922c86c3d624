"""A cluster as the browser's form has it: read, examined, registered."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from accounts.audit import Actor
from servers import registration, troubles
from servers.models import Cluster
from servers.proxmox import tls
from servers.proxmox.errors import CertificateMismatch, ProxmoxDenied, ProxmoxError
from servers.proxmox.privileges import Purpose
from servers.proxmox.types import Endpoint
from servers.registration import Credentials, Examination, NotRegistered
from servers.secrets import LostSecret, seal, unseal

WORDS = {"class": "input", "autocomplete": "off"}
MOST_MEMBERS = 32


class ClusterForm(forms.Form):
    """The secret is kept, sealed, while somebody compares fingerprints; it never comes back bare."""

    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        help_text=_("As staff call it; customers never see it."),
        widget=forms.TextInput(attrs=WORDS),
    )
    addresses = forms.CharField(
        label=_("Addresses of its nodes"),
        max_length=4000,
        help_text=_("One a line, like https://pve1.example.com:8006. With several, the others "
                    "step in when one does not answer."),
        widget=forms.Textarea(attrs={**WORDS, "rows": 2}),
    )  # fmt: skip
    token_id = forms.CharField(
        label=_("Token ID"),
        max_length=128,
        initial="panel@pve!panel",
        widget=forms.TextInput(attrs=WORDS),
    )
    secret = forms.CharField(
        label=_("Secret of the token"),
        max_length=128,
        required=False,
        help_text=_("Proxmox shows it once, when the token is made."),
        widget=forms.PasswordInput(attrs=WORDS),
    )
    ca_pem = forms.CharField(
        label=_("Certificate authority"),
        max_length=100_000,
        required=False,
        help_text=_("The content of /etc/pve/pve-root-ca.pem of any node. Left empty, the "
                    "fingerprint of the certificate is shown for you to compare."),
        widget=forms.Textarea(attrs={**WORDS, "rows": 2}),
    )  # fmt: skip
    sealed = forms.CharField(required=False, widget=forms.HiddenInput)
    fingerprints = forms.CharField(required=False, widget=forms.HiddenInput)
    pin = forms.BooleanField(label=_("They are the same: trust this certificate"), required=False)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if Cluster.objects.filter(name=name).exists():
            raise forms.ValidationError(_("There is a cluster of this name already."))
        return name

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        secret = cleaned.get("secret") or unseal(str(cleaned.get("sealed", "")))
        if not secret or isinstance(secret, LostSecret):
            self.add_error("secret", _("This field is required."))
        return {**cleaned, "secret": str(secret)}


@dataclass(frozen=True)
class Wanted:
    name: str
    endpoints: tuple[Endpoint, ...]
    ca_pem: str
    token: Credentials


@dataclass(frozen=True)
class Shown:
    """A certificate that nobody vouches for yet."""

    endpoint: str
    fingerprint: str


class Unknown(Exception):
    """The certificates have to be compared first."""

    def __init__(self, shown: list[Shown]) -> None:
        super().__init__()
        self.shown = shown


def read(form: ClusterForm) -> Wanted:
    """Raises NotRegistered."""
    wish = form.cleaned_data
    lines = [line.strip() for line in wish["addresses"].splitlines() if line.strip()]
    if len(lines) > MOST_MEMBERS:
        raise NotRegistered(now_("That are too many addresses."))
    pinned = wish["fingerprints"].split() if wish["pin"] else []
    padded = [*pinned[: len(lines)], *[""] * (len(lines) - len(pinned))]
    return Wanted(
        wish["name"],
        tuple(map(registration.parse_endpoint, lines, padded)),
        registration.check_ca(wish["ca_pem"]),
        registration.check_credentials(
            Credentials(wish["token_id"].strip(), wish["secret"].strip())
        ),
    )


def examine(wanted: Wanted) -> Examination:
    """Asks the cluster. Raises Unknown, NotRegistered."""
    tokens = {Purpose.READ: wanted.token}
    try:
        return registration.examine(wanted.endpoints, wanted.ca_pem, tokens)
    except CertificateMismatch as error:
        if wanted.ca_pem or any(endpoint.fingerprint for endpoint in wanted.endpoints):
            raise NotRegistered(str(error)) from error
        raise Unknown(shown_by(wanted.endpoints)) from error
    except ProxmoxDenied as error:
        raise NotRegistered(
            now_("Proxmox does not let this token in: %(why)s Is its ID complete, with user, realm "
                 "and name, and the secret the one that was shown when it was made?")
            % {"why": troubles.shown(str(error))}
        ) from error  # fmt: skip
    except ProxmoxError as error:
        raise NotRegistered(str(error)) from error


def shown_by(endpoints: tuple[Endpoint, ...]) -> list[Shown]:
    try:
        return [Shown(str(each), tls.shown_fingerprint(each)) for each in endpoints]
    except ProxmoxError as error:
        raise NotRegistered(str(error)) from error


def register(
    wanted: Wanted, examination: Examination, *, actor: Actor, now: datetime
) -> Cluster | None:
    """None where the token sees nothing: it would be a cluster without guests."""
    if any(finding.sees_nothing for finding in examination.findings[:1]):
        return None
    cluster, _created = registration.register(
        name=wanted.name,
        endpoints=wanted.endpoints,
        ca_pem=wanted.ca_pem,
        tokens={Purpose.READ: wanted.token},
        examination=examination,
        actor=actor,
        now=now,
    )
    return cluster


def keep_secret(form: ClusterForm) -> str:
    """Sealed; empty where none was entered."""
    secret = form.cleaned_data.get("secret")
    return seal(secret) if secret else ""
