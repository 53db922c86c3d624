"""Windows of maintenance as staff plan and cancel them."""

from datetime import timedelta

import pytest

from accounts.audit import SYSTEM
from alerts import maintenance
from alerts.models import Alert, MaintenanceWindow, Notification

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_a_recovery_that_one_held_is_told_when_it_is_cancelled(
    rule_of, no_defaults, owner, server, guest, pass_time, clock
):
    rule_of(owner)
    guest.busy_cpu = 0.97
    pass_time(180)
    window = MaintenanceWindow(server=server, starts_at=clock() - HOUR, ends_at=clock() + 8 * HOUR)
    maintenance.plan(window, actor=SYSTEM, now=clock())
    guest.busy_cpu = 0.1
    pass_time(120)
    assert Alert.objects.get().tell_at == window.ends_at
    maintenance.cancel(window, actor=SYSTEM, now=clock())
    pass_time(30)
    assert Notification.objects.filter(kind="recovered").exists()
