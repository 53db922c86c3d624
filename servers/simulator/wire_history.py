"""What Proxmox records of its guests by itself: rrddata, averages of minutes and half hours."""

from servers.simulator.guests import Guest, Kind
from servers.simulator.parameters import NODE, VMID, Parameter
from servers.simulator.refusals import failed
from servers.simulator.routes import Call, Needs, Route

# Of PVE 9: seconds between the points, and how many there are.
FRAMES = {
    "hour": (60, 60),
    "day": (60, 1440),
    "week": (1800, 336),
    "month": (1800, 1440),
    "year": (21_600, 1460),
}
FLOWS = ("netin", "netout", "diskread", "diskwrite")
PRESSURES = (
    "pressurecpusome", "pressurecpufull", "pressureiosome", "pressureiofull",
    "pressurememorysome", "pressurememoryfull",
)  # fmt: skip
DATABASE = "/var/lib/rrdcached/db/pve-vm-9.0"

Row = dict[str, object]


def recorded(call: Call) -> object:
    guest = call.cluster.guests.get(call.vmid)
    if guest is None:
        raise failed(
            "RRD error: rrdcached@unix:/var/run/rrdcached.sock: rrd_fetch_r failed: opening "
            f"'{DATABASE}/{call.vmid}': No such file or directory"
        )
    step, count = FRAMES[call.text("timeframe")]
    # The bucket that is still open is not sent.
    last = int(call.now) // step * step
    times = range(last - (count - 1) * step, last + 1, step)
    return [_row(guest, at, step) for at in times if at >= guest.created_at]


def _row(guest: Guest, at: int, step: int) -> Row:
    size: Row = {
        "time": at, "maxcpu": guest.cores, "maxmem": guest.memory, "maxdisk": guest.maxdisk,
        "disk": 0,
    }  # fmt: skip
    if not guest.running or at - step < guest.started_at:
        return size
    seen, before = guest.measure(at), guest.measure(at - step)
    rates = {name: max(0, getattr(seen, name) - getattr(before, name)) / step for name in FLOWS}
    return {
        **size, **dict.fromkeys(PRESSURES, 0), **rates,
        "cpu": seen.cpu, "mem": seen.mem, "memhost": seen.memhost, "disk": seen.disk,
    }  # fmt: skip


def _routes(kind: Kind) -> tuple[Route, ...]:
    parameters = (
        NODE,
        VMID,
        Parameter("timeframe", optional=False, enum=tuple(FRAMES)),
        Parameter("cf", enum=("AVERAGE", "MAX")),
    )
    audit = Needs("/vms/{vmid}", ("VM.Audit",))
    template = f"/nodes/{{node}}/{kind}/{{vmid}}/rrddata"
    return (Route("GET", template, recorded, parameters, audit, kind),)


ROUTES = (*_routes(Kind.QEMU), *_routes(Kind.LXC))
