"""Receivers on this machine, over HTTPS as webhooks want it, or without for the odd ones."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """Answers with `status` and `body`, and keeps what it was asked."""

    status: int = 200
    body: bytes = b"thanks"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    # Called with the handler instead of an answer.
    instead: object = None
    port: int = 0


@contextlib.contextmanager
def receiving(receiver, certificates=None):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            asked = (self.path, dict(self.headers), self.rfile.read(length))
            receiver.asked.append(asked)
            with contextlib.suppress(OSError):
                if receiver.instead:
                    receiver.instead(self)
                    return
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass

        def get_request(self):
            connection, address = super().get_request()
            if certificates:
                connection = context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            return connection, address

    context = certificates.context() if certificates else None
    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
