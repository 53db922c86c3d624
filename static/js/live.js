// The page's one websocket. It only makes sooner what a reload would show: when it is lost, the
// API is asked instead, and after each reconnect the subscription's answers bring the state anew.
//
// Events: "update" with { server, … }, "lost" with { server }, "connection" with { isLive }; and on
// the document "alertchange", with the alert that changed, or without one where any may have.

import { goToSignIn, settings } from "./settings.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
const TOLD_AFTER = 3000;
const REFRESH_EVERY = 30_000;
// Events that got lost between the server's own processes are made good for so often.
const RESUBSCRIBE_EVERY = 300_000;
const NOT_SIGNED_IN = 4401;
const TOO_MUCH = 4429;

function tellOfAlerts(message) {
  document.dispatchEvent(new CustomEvent("alertchange", { detail: message?.alert ?? null }));
}

export class Live extends EventTarget {
  /** `refreshUrl` is asked while the socket is lost: one server, or a list of them, or nothing. */
  constructor({ servers, refreshUrl }) {
    super();
    this.servers = servers;
    this.refreshUrl = refreshUrl;
    this.failures = 0;
    this.isLive = null;
    this.heardAt = Date.now();
  }

  start() {
    addEventListener("online", () => this.tryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.wake();
    });
    // A page that leaves closes its socket itself: no banner flashes on the way out.
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.tryNow();
    });
    setInterval(() => {
      this.subscribe();
      tellOfAlerts();
    }, RESUBSCRIBE_EVERY);
    this.connect();
  }

  connect() {
    this.isStopped = false;
    clearTimeout(this.retry);
    this.tellLater();
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/`);
    this.socket = socket;
    socket.addEventListener("message", (event) => {
      if (socket === this.socket) this.hear(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.socket) this.closed(event.code);
    });
  }

  hear(message) {
    this.heardAt = Date.now();
    if (message.type === "welcome") {
      this.failures = 0;
      this.setLive(true);
      this.subscribe();
    } else if (message.type === "error") {
      if (message.code === "not_found" && message.server !== undefined) {
        this.tell("lost", { server: message.server });
      }
    } else if (message.type === "alert") {
      tellOfAlerts(message);
    } else if (message.server !== undefined) {
      this.tell("update", message);
    }
  }

  /** Each answer holds the present state of a server. */
  subscribe() {
    if (this.isLive && this.servers.length > 0) {
      this.socket.send(JSON.stringify({ type: "subscribe", servers: this.servers }));
    }
  }

  closed(code) {
    this.socket = null;
    if (this.isStopped) return;
    if (code === NOT_SIGNED_IN) {
      goToSignIn();
      return;
    }
    if (code === TOO_MUCH) this.failures += 4;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures);
    this.failures += 1;
    // Spread, so that a thousand pages do not come back to a restarted server at once.
    this.retry = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
    this.tellLater();
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.retry);
    clearTimeout(this.telling);
    clearInterval(this.refreshing);
    this.telling = null;
    this.refreshing = null;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  tryNow() {
    if (this.socket?.readyState === WebSocket.OPEN) return;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.failures = 0;
    this.connect();
  }

  /** After sleep a socket may look open and be dead; silence gives it away. */
  wake() {
    const silent = (Date.now() - this.heardAt) / 1000;
    if (silent > 2 * settings.staleAfter) {
      this.socket?.close();
      this.socket = null;
    }
    if (!this.isStopped) this.tryNow();
  }

  /** A short interruption is nobody's business. */
  tellLater() {
    if (this.isLive === true) this.isLive = null;
    this.telling ??= setTimeout(() => this.setLive(false), TOLD_AFTER);
  }

  setLive(isLive) {
    clearTimeout(this.telling);
    this.telling = null;
    if (isLive) {
      clearInterval(this.refreshing);
      this.refreshing = null;
    } else if (!this.refreshing) {
      this.refreshing = setInterval(() => this.refresh(), REFRESH_EVERY);
      this.refresh();
    }
    if (isLive && this.wasAway) tellOfAlerts();
    this.wasAway = !isLive;
    if (this.isLive !== isLive) this.tell("connection", { isLive });
    this.isLive = isLive;
  }

  async refresh() {
    if (document.visibilityState !== "visible") return;
    tellOfAlerts();
    if (!this.refreshUrl) return;
    let reply;
    try {
      reply = await fetch(this.refreshUrl, { headers: { Accept: "application/json" } });
    } catch {
      return; // No network: the banner says so already, and the next try comes.
    }
    if (reply.status === 401 || reply.status === 403) {
      goToSignIn();
      return;
    }
    if (!reply.ok) return;
    const body = await reply.json();
    for (const server of body.results ?? [body]) {
      this.tell("update", { ...server, server: server.id });
    }
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
