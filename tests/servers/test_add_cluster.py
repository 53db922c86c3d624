"""manage.py add_cluster and check_cluster, on the simulated cluster."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from servers.models import Cluster, ClusterEndpoint, ClusterToken
from servers.proxmox.errors import CertificateMismatch
from servers.proxmox.gateway import Gateway
from servers.simulator import certificates
from tests.serving import serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def add(wire, credentials, settings, capsys):
    """Runs the command; gives what it printed."""

    def run(*arguments, secret=None, **environment):
        settings.PROXMOX = {
            **settings.PROXMOX,
            "TOKEN_SECRET": credentials.secret if secret is None else secret,
            **environment,
        }
        out = io.StringIO()
        call_command("add_cluster", *arguments, stdout=out, stderr=out)
        return out.getvalue()

    return run


URL = "--url=https://pve.example.com:8006"
TOKEN = "--token-id=panel@pve!panel"


def test_it_works(add, credentials):
    said = add(URL, TOKEN, "--name=fra1")
    assert "Proxmox VE 9.1" in said
    assert "all the rights it needs" in said
    assert "fra1 is registered" in said
    assert credentials.secret not in said
    cluster = Cluster.objects.get()
    assert str(cluster.endpoints.get()) == "https://pve.example.com:8006"
    assert cluster.tokens.get().secret == credentials.secret
    assert cluster.missing_privileges == []


def test_its_first_cycle_does_not_wait_for_the_clock(
    add, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        add(URL, TOKEN)
    cluster = Cluster.objects.get()
    assert [(m.name, m.arguments) for m in sent] == [
        ("monitoring.poll_cluster", {"cluster_id": cluster.pk})
    ]


def test_it_is_in_the_audit_log_without_its_secret(add, credentials):
    add(URL, TOKEN)
    entry = AuditEntry.objects.get(event="cluster.added")
    assert credentials.secret not in str(entry.details)
    assert entry.source == "command"


def test_twice_changes_nothing(add):
    add(URL, TOKEN)
    said = add(URL, TOKEN)
    assert "up to date" in said
    assert (Cluster.objects.count(), ClusterToken.objects.count()) == (1, 1)
    assert ClusterEndpoint.objects.count() == 1


def test_everything_from_the_environment(add):
    add(API_URL=["https://pve.example.com:8006/api2/json"], TOKEN_ID="panel@pve!panel")
    assert Cluster.objects.get().name == "pve.example.com"


def test_several_members(add):
    add(URL, "--url=pve2.example.com", TOKEN)
    hosts = [endpoint.host for endpoint in Cluster.objects.get().endpoints.all()]
    assert hosts == ["pve.example.com", "pve2.example.com"]


def test_a_token_for_each_purpose(add, world, credentials):
    add(
        URL, TOKEN, "--act-token-id=panel@pve!panel", ACT_TOKEN_SECRET=credentials.secret
    )  # fmt: skip
    assert set(ClusterToken.objects.values_list("purpose", flat=True)) == {"read", "act"}


class TestRights:
    def test_what_an_auditors_token_lacks_is_said_with_the_lines_that_mend_it(self, add, world):
        secret = world.access.authorization("audit@pve!audit").split("=", 2)[-1]
        said = add(URL, "--token-id=audit@pve!audit", secret=secret)
        assert "VM.PowerMgmt: servers cannot be started or stopped" in said
        assert "pveum role add PanelAct" in said
        assert "pveum acl modify / --tokens 'audit@pve!audit' --roles PanelAct" in said
        assert "VM.PowerMgmt" in Cluster.objects.get().missing_privileges

    def test_a_token_that_sees_nothing_is_not_registered(self, add, world):
        secret = world.access.authorization("nobody@pve!nothing").split("=", 2)[-1]
        with pytest.raises(CommandError, match=r"without VM\.Audit"):
            add(URL, "--token-id=nobody@pve!nothing", secret=secret)
        assert not Cluster.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([TOKEN], "Where is it"),
        ([URL], "With which token"),
        (["--url=http://pve.example.com", TOKEN], "https alone"),
        (["--url=https://user:pw@pve.example.com", TOKEN], "must not hold"),
        (["--url=https://pve.example.com:99999", TOKEN], "the port is no port"),
        (["--url=https://", TOKEN], "no address like"),
        (["--url=https://a b", TOKEN], "no address like"),
        ([URL, "--token-id=panel"], "looks like panel@pve!panel"),
        ([URL, "--token-id=panel@pve"], "looks like panel@pve!panel"),
        ([URL, TOKEN, "--fingerprint=AB:CD"], "32 bytes"),
        ([URL, TOKEN, "--fingerprint=a", "--fingerprint=b"], "more fingerprints than"),
        ([URL, TOKEN, "--ca=/nowhere/ca.pem"], "cannot be read"),
        ([URL, TOKEN, "--token-secret-file=/nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_right_is_said(add, arguments, words):
    with pytest.raises(CommandError, match=words):
        add(*arguments)
    assert not Cluster.objects.exists()


def test_a_ca_that_is_none(add, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(CommandError, match="no PEM"):
        add(URL, TOKEN, f"--ca={file}")


@pytest.mark.parametrize("secret", ["", "short", "with space in it"])
def test_a_secret_that_is_none(add, secret):
    with pytest.raises(CommandError, match="secret"):
        add(URL, TOKEN, secret=secret)


def test_a_wrong_secret(add):
    with pytest.raises(CommandError, match="not accepted"):
        add(URL, TOKEN, secret="00000000-0000-0000-0000-000000000000")


def test_nobody_there(add, world):
    world.dark()
    with pytest.raises(CommandError, match="refuses the connection"):
        add(URL, TOKEN)


def test_no_proxmox_at_all(add, world):
    from servers.simulator.faults import Garbage

    world.garbage(Garbage.HTML)
    with pytest.raises(CommandError, match="not the JSON"):
        add(URL, TOKEN)


def test_an_address_that_another_cluster_has(add):
    add(URL, TOKEN, "--name=one")
    with pytest.raises(CommandError, match="registered already, as 'one'"):
        add(URL, TOKEN, "--name=two")


class TestCertificates:
    @pytest.fixture
    def untrusted(self, monkeypatch, world, tmp_path):
        """A real port with a certificate of its own; until pinned, the gateway refuses it."""
        real = Gateway.version

        def version(gateway):
            if not gateway._session.access.endpoints[0].fingerprint:
                raise CertificateMismatch("The certificate cannot be trusted: self-signed.")
            return real(gateway)

        monkeypatch.setattr(Gateway, "version", version)
        with serving(world, certificates.ensure(tmp_path)) as port:
            yield f"--url=https://127.0.0.1:{port}"

    def test_the_fingerprint_is_shown_to_be_compared(self, add, untrusted, monkeypatch):
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(CommandError, match="Pin it with --fingerprint"):
            add(untrusted, TOKEN)
        assert not Cluster.objects.exists()

    def test_somebody_at_the_keyboard_pins_it(self, add, untrusted, monkeypatch):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: "y")
        said = add(untrusted, TOKEN)
        pinned = ClusterEndpoint.objects.get().fingerprint
        assert len(pinned) == 95
        assert pinned in said

    def test_a_no_is_a_no(self, add, untrusted, monkeypatch):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: "")
        with pytest.raises(CommandError, match="Not registered"):
            add(untrusted, TOKEN)

    def test_a_pinned_one_that_changed_is_not_offered_again(self, add, monkeypatch):
        def version(gateway):
            raise CertificateMismatch("another certificate than the one that was pinned")

        monkeypatch.setattr(Gateway, "version", version)
        with pytest.raises(CommandError, match="stand between"):
            add(URL, TOKEN, "--fingerprint=" + ":".join(["AB"] * 32))


class TestCheckCluster:
    def check(self, *names):
        out = io.StringIO()
        call_command("check_cluster", *names, stdout=out)
        return out.getvalue()

    def test_it_works(self, cluster):
        assert "all the rights" in self.check()

    def test_rights_that_were_lost_are_noted(self, cluster, world):
        world.revoke("panel@pve!panel")
        with pytest.raises(CommandError, match="Not in order: fra1"):
            self.check("fra1")
        cluster.refresh_from_db()
        assert "VM.Audit" in cluster.missing_privileges

    def test_one_that_is_away(self, cluster, world):
        world.dark()
        with pytest.raises(CommandError, match="Not in order: fra1"):
            self.check()

    def test_none(self, db):
        with pytest.raises(CommandError, match="no such cluster"):
            self.check("nowhere")
