"""`manage.py check --deploy`: what production's settings must not be."""

import pytest
from django.core import checks


def found(**options):
    return {message.id for message in checks.run_checks(tags=["security"], **options)}


@pytest.mark.parametrize(
    ("https", "proxies", "told"), [(True, 0, True), (True, 1, False), (False, 0, False)]
)
def test_https_without_a_proxy_is_an_endless_redirect(settings, https, proxies, told):
    settings.HTTPS, settings.TRUSTED_PROXIES = https, proxies
    assert ("panel.E001" in found(include_deployment_checks=True)) is told


def test_it_says_what_to_set(settings):
    settings.HTTPS, settings.TRUSTED_PROXIES = True, 0
    messages = checks.run_checks(tags=["security"], include_deployment_checks=True)
    hint = next(message.hint for message in messages if message.id == "panel.E001")
    assert "TRUSTED_PROXIES" in hint
    assert "X-Forwarded-Proto" in hint


def test_hsts_for_other_hosts_is_not_demanded(settings):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31_536_000
    messages = checks.run_checks(tags=["security"], include_deployment_checks=True)
    told = {message.id for message in messages if not message.is_silenced()}
    assert not told & {"security.W004", "security.W005", "security.W021"}
