"""What overload is in words: what is the matter with a cluster's cycles, and what to do about it."""

from django.conf import settings
from django.utils.translation import gettext as _

from monitoring import overload
from servers.models import Cluster


def words(cluster: Cluster) -> str:
    """Empty where its cycles keep up."""
    if not cluster.overload_level:
        return ""
    lag, took = cluster.last_cycle_lag or 0.0, cluster.last_cycle_seconds or 0.0
    numbers = {
        "level": cluster.overload_level, "lag": f"{lag:.0f}", "took": f"{took:.0f}",
        "interval": settings.POLL_INTERVAL,
    }  # fmt: skip
    if took > settings.POLL_INTERVAL:
        return _("overloaded, level %(level)s: a cycle takes %(took)s s of %(interval)s") % numbers
    if overload.is_late_start(lag, settings.POLL_INTERVAL):
        return _("overloaded, level %(level)s: cycles begin %(lag)s s late") % numbers
    return _("overloaded, level %(level)s, and recovering") % numbers


def remedy(cluster: Cluster) -> str:
    """By what is late: a cycle itself, or only its start. Empty where it gets better by itself."""
    if not cluster.overload_level:
        return ""
    if (cluster.last_cycle_seconds or 0.0) > settings.POLL_INTERVAL:
        return _("Find out whether Proxmox or the database is slow, or raise POLL_INTERVAL.")
    if overload.is_late_start(cluster.last_cycle_lag or 0.0, settings.POLL_INTERVAL):
        return _("Start more workers for the queue poll, or raise POLL_INTERVAL.")
    return ""
