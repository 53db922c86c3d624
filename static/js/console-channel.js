// One connection to /ws/console/, in the form of a WebSocket that noVNC takes for its own.
//
// The ticket goes first. Marks in the stream are sent back once everything before them has been
// dealt with: that is how the panel knows not to send more than this page can take.
//
// Events: "ready" with what the panel said, "end" with { code, reason, message, wasReady }.

export class Channel extends EventTarget {
  constructor({ ticket, server }) {
    super();
    // What noVNC looks for in a WebSocket.
    this.binaryType = "arraybuffer";
    this.protocol = "";
    this.readyState = WebSocket.CONNECTING;
    this.onopen = null;
    this.onmessage = null;
    this.onclose = null;
    this.onerror = null;

    this.wasReady = false;
    this.said = {};
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/console/`);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "open", ticket, ...(server ? { server } : {}) }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.hear(JSON.parse(data));
      else this.onmessage?.({ data });
    });
    socket.addEventListener("close", (event) => this.closed(event));
  }

  send(data) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  close() {
    if (this.readyState === WebSocket.CLOSED) return;
    this.readyState = WebSocket.CLOSING;
    this.socket.close();
  }

  hear(message) {
    if (message.type === "mark") {
      this.send(JSON.stringify({ type: "ack", mark: message.mark }));
    } else if (message.type === "ready") {
      this.wasReady = true;
      this.readyState = WebSocket.OPEN;
      this.dispatchEvent(new CustomEvent("ready", { detail: message }));
    } else if (message.type === "end") {
      this.said = message;
    }
  }

  closed(event) {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.(event);
    const { reason = "", message = "" } = this.said;
    const detail = { code: event.code, reason, message, wasReady: this.wasReady };
    this.dispatchEvent(new CustomEvent("end", { detail }));
  }
}
