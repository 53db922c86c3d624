"""Tasks about clusters themselves."""

from celery import shared_task
from django.core.management import CommandError, call_command

from servers.models import Cluster


@shared_task(name="servers.check_cluster")
def check_cluster(*, cluster_id: int, **_: object) -> None:
    """After a change by staff: version and rights are asked anew, beside the page."""
    name = Cluster.objects.filter(pk=cluster_id).values_list("name", flat=True).first()
    if name is not None:
        try:
            call_command("check_cluster", name)
        except CommandError:
            return  # what is wrong is told by the cluster's next cycle, and by the command
