"""Cloud-init: what is set, what of it is not on the drive yet, and making the drive anew."""

from servers.simulator.guests import Guest
from servers.simulator.parameters import NODE, VMID
from servers.simulator.routes import Call, Needs, Route

STARS = "**********"
SECRETS = ("cipassword",)

Row = dict[str, object]


def shown(name: str, value: str) -> str:
    return STARS if name in SECRETS else value


def pending(call: Call) -> object:
    guest = call.guest
    image = guest.cloud_init if guest.cloud_init_image is None else guest.cloud_init_image
    rows = [_row(guest, image, name) for name in guest.cloud_init]
    deleted: list[Row] = [
        {"key": name, "delete": 1} for name in image if name not in guest.cloud_init
    ]
    return rows + deleted


def regenerate(call: Call) -> object:
    """The drive is made anew; the guest reads it when it starts next."""
    if call.guest.cloud_init_drive:
        call.guest.make_cloud_init_drive()
    return None


def _row(guest: Guest, image: dict[str, str], name: str) -> Row:
    wished = guest.cloud_init[name]
    if name not in image:
        return {"key": name, "pending": shown(name, wished)}
    row: Row = {"key": name, "value": shown(name, image[name])}
    if image[name] != wished:
        row["pending"] = shown(name, wished)
    return row


_PATH = "/nodes/{node}/qemu/{vmid}/cloudinit"

ROUTES = (
    Route("GET", _PATH, pending, (NODE, VMID), Needs("/vms/{vmid}", ("VM.Audit",))),
    Route("PUT", _PATH, regenerate, (NODE, VMID), Needs("/vms/{vmid}", ("VM.Config.Cloudinit",))),
)
