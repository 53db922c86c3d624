"""vncproxy, termproxy and the check that comes before vncwebsocket turns into a websocket."""

from servers.simulator.consoles import NO_SERIAL, TICKET_LIVES, Form, Listener
from servers.simulator.guests import Guest, Kind
from servers.simulator.parameters import NODE, VMID, Parameter
from servers.simulator.refusals import Refusal, failed
from servers.simulator.routes import Call, Needs, Route

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

_CONSOLE = Needs("/vms/{vmid}", ("VM.Console",))
_WEBSOCKET = Parameter("websocket", "boolean")
_GENERATE = Parameter("generate-password", "boolean")
_SERIAL = Parameter("serial", enum=("serial0", "serial1", "serial2", "serial3"))
_SIZE = (
    Parameter("width", "integer", minimum=16, maximum=4096),
    Parameter("height", "integer", minimum=16, maximum=2160),
)
_PORT = Parameter("port", "integer", optional=False, minimum=5900, maximum=5999)
_TICKET = Parameter("vncticket", optional=False, max_length=512)


def vncproxy(call: Call) -> object:
    """Answers 200 also for a guest that is off: only the websocket tells."""
    generate = call.flag("generate-password")
    listener = _listen(call, generate=generate, is_text=False)
    answer = {**_granted(listener), "cert": CERTIFICATE}
    form = call.cluster.consoles.form
    if form is Form.NEW or (form is Form.RECORDED and generate):
        answer["password"] = listener.password
    return answer


def termproxy(call: Call) -> object:
    guest = call.guest
    if guest.kind is Kind.QEMU and not (guest.serial and guest.running):
        raise failed("Timeout while waiting for port '5900' to get ready!", delay=NO_SERIAL)
    return _granted(_listen(call, generate=False, is_text=True))


def vncwebsocket(call: Call) -> object:
    listener = call.cluster.consoles.listeners.get(call.number("port"))
    if listener is None or not _is_good(call, listener, call.guest):
        raise Refusal(401, "permission denied - invalid PVEVNC ticket", bare=True)
    return {"port": str(listener.port)}


def _is_good(call: Call, listener: Listener, guest: Guest) -> bool:
    return (
        listener.guest is guest
        and listener.identity == call.identity
        and listener.ticket == call.text("vncticket")
        and call.now - listener.opened_at <= TICKET_LIVES
    )


def _listen(call: Call, *, generate: bool, is_text: bool) -> Listener:
    guest = call.guest
    task = call.cluster.tasks.start(
        node=guest.node, type="vncproxy", subject=str(guest.vmid), identity=call.identity,
        now=call.now,
    )  # fmt: skip
    return call.cluster.consoles.listen(
        guest, task, now=call.now, generate=generate, is_text=is_text
    )


def _granted(listener: Listener) -> dict[str, object]:
    return {
        "port": str(listener.port),
        "ticket": listener.ticket,
        "user": listener.identity,
        "upid": listener.task.upid,
    }


def _routes(kind: Kind) -> tuple[Route, ...]:
    one = f"/nodes/{{node}}/{kind}/{{vmid}}"
    is_vm = kind is Kind.QEMU
    more = (_GENERATE,) if is_vm else _SIZE
    viewing = (NODE, VMID, _WEBSOCKET, *more)
    typing = (NODE, VMID, _SERIAL) if is_vm else (NODE, VMID)
    meeting = (NODE, VMID, _PORT, _TICKET)
    return (
        Route("POST", f"{one}/vncproxy", vncproxy, viewing, _CONSOLE, kind),
        Route("POST", f"{one}/termproxy", termproxy, typing, _CONSOLE, kind),
        Route("GET", f"{one}/vncwebsocket", vncwebsocket, meeting, _CONSOLE, kind),
    )


ROUTES = (*_routes(Kind.QEMU), *_routes(Kind.LXC))
