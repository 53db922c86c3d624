"""A CA and a server certificate of our own, as every Proxmox cluster makes for itself."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
_VALID_FOR = timedelta(days=3652)


@dataclass(frozen=True, slots=True)
class Certificates:
    """`ca` is what a client trusts; `server` and `key` are what the server shows and keeps."""

    ca: Path
    server: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server, self.key)
        return context


def ensure(folder: Path, *, now: datetime | None = None) -> Certificates:
    """The certificates in this folder; made anew if they lack, or end within a day."""
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    now = now or datetime.now(UTC)
    if not _usable(found, now):
        folder.mkdir(parents=True, exist_ok=True)
        _make(found, now)
    return found


def _usable(found: Certificates, now: datetime) -> bool:
    if not all(path.is_file() for path in (found.ca, found.server, found.key)):
        return False
    ends = x509.load_pem_x509_certificate(found.server.read_bytes()).not_valid_after_utc
    return ends > now + timedelta(days=1)


def _make(target: Certificates, now: datetime) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name(
        (NameOID.COMMON_NAME, "Proxmox Virtual Environment"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, str(uuid4())),
        (NameOID.ORGANIZATION_NAME, "PVE Cluster Manager CA"),
    )
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(ca_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    server_name = _name(
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "PVE Cluster Node"),
        (NameOID.ORGANIZATION_NAME, "Proxmox Virtual Environment"),
        (NameOID.COMMON_NAME, "pve1.example.org"),
    )
    server_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id)
    server = (
        _builder(server_name, ca_name, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(_alternatives()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(server_id, critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    target.key.touch(mode=0o600)
    target.key.chmod(0o600)
    target.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    target.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    target.server.write_bytes(server.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALID_FOR)
    )


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _alternatives() -> Sequence[x509.GeneralName]:
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    return [*(x509.DNSName(name) for name in NAMES), *addresses]


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
