import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from servers.models import ClusterToken
from servers.secrets import box

pytestmark = pytest.mark.django_db


def stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM servers_clustertoken")
        return cursor.fetchone()[0]


def test_a_secret_is_encrypted_at_rest_and_plain_in_python(cluster, credentials):
    assert credentials.secret not in stored()
    assert ClusterToken.objects.get().secret == credentials.secret


def test_it_is_not_shown_by_accident(cluster, credentials):
    token = ClusterToken.objects.get()
    assert credentials.secret not in f"{token} {token!r}"


def test_the_key_is_not_the_secret_key(cluster, credentials, settings):
    settings.SECRET_KEY = "another one altogether, and long enough for its purpose"
    assert ClusterToken.objects.get().secret == credentials.secret


class TestRotation:
    def test_a_new_key_in_front_then_the_old_one_goes(self, cluster, credentials, settings):
        before = stored()
        old = settings.ENCRYPTION_KEYS
        new = Fernet.generate_key().decode()
        settings.ENCRYPTION_KEYS = [new, *old]
        assert ClusterToken.objects.get().secret == credentials.secret
        call_command("rotate_encryption_key", verbosity=0)
        assert stored() != before
        settings.ENCRYPTION_KEYS = [new]
        assert ClusterToken.objects.get().secret == credentials.secret

    def test_without_the_old_key_nothing_is_changed(self, cluster, settings):
        before = stored()
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        assert ClusterToken.objects.get().is_lost
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("rotate_encryption_key")
        assert stored() == before


def test_a_key_that_is_none(settings):
    settings.ENCRYPTION_KEYS = ["too short"]
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        box()


class TestALostKey:
    @pytest.fixture(autouse=True)
    def lost(self, cluster, settings):
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    def test_what_is_stored_survives_a_save(self, settings):
        before = stored()
        ClusterToken.objects.get().save()
        assert stored() == before

    def test_the_staff_site_still_opens_to_enter_it_anew(self, cluster, browser_of, staff):
        page = browser_of(staff).get(f"/admin/servers/cluster/{cluster.pk}/change/")
        assert page.status_code == 200

    def test_a_check_says_so(self, capsys):
        with pytest.raises(CommandError, match="Not in order: fra1"):
            call_command("check_cluster")
        assert "cannot be decrypted" in capsys.readouterr().out
