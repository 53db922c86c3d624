"""Finding guests of the simulated cluster, and their servers."""

from servers.models import Server


def of(world, kind="qemu", power="running"):
    """A guest of that kind and state."""
    return next(
        guest
        for guest in world.guests.values()
        if guest.kind == kind and guest.power == power and not guest.template
    )


def server_of(guest):
    return Server.objects.get(vmid=guest.vmid, present=True)
