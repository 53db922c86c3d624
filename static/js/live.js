// The page's one websocket. It only makes sooner what a reload would show: when it is lost, the
// API is asked instead, and after each reconnect the subscription's answers bring the state anew.
//
// Events: "update" with { server, … }, "lost" with { server }, "connection" with { isLive }; and on
// the document "alertchange", with the alert that changed, or without one where any may have.

import { now } from "./clock.js";
import { Pace } from "./pace.js";
import { goToSignIn, settings } from "./settings.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
const TOLD_AFTER = 3000;
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
    // Where no socket tells how it goes on, it is asked for at once, not when numbers are due.
    document.addEventListener("acted", () => {
      if (this.pace) this.refresh();
    });
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
    this.rest();
    this.telling = null;
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
    if (this.isStopped) return;
    this.tryNow();
    if (this.pace) this.refresh();
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
      this.rest();
    } else if (!this.pace) {
      this.pace = new Pace(settings.pollInterval);
      this.refresh();
    }
    if (isLive && this.wasAway) tellOfAlerts();
    this.wasAway = !isLive;
    if (this.isLive !== isLive) this.tell("connection", { isLive });
    this.isLive = isLive;
  }

  /** Nothing is asked for any more: the socket tells, or the page is gone. */
  rest() {
    clearTimeout(this.refreshing);
    this.pace = null;
  }

  async refresh() {
    clearTimeout(this.refreshing);
    const pace = this.pace;
    const wait = document.visibilityState === "visible" ? await this.ask() : settings.pollInterval;
    if (this.pace === pace) this.refreshing = setTimeout(() => this.refresh(), wait * 1000);
  }

  /** Asks the API once; returns after how many seconds to ask again. */
  async ask() {
    tellOfAlerts();
    if (!this.refreshUrl) return settings.pollInterval;
    const pace = this.pace;
    let body;
    try {
      const reply = await fetch(this.refreshUrl, { headers: { Accept: "application/json" } });
      if (reply.status === 401 || reply.status === 403) goToSignIn();
      if (!reply.ok) return pace.afterFailure(Number(reply.headers.get("Retry-After")) || 0);
      body = await reply.json();
    } catch {
      return pace.afterFailure(); // No network, or an answer cut short: the banner says so already.
    }
    const servers = body.results ?? [body];
    for (const server of servers) this.tell("update", { ...server, server: server.id });
    const newest = Math.max(0, ...servers.map((server) => server.metrics?.taken_at ?? 0));
    return pace.after({ newest, isBusy: servers.some((server) => server.action), now: now() });
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
