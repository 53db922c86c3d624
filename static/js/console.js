// The console's page: gets a ticket, connects, and says in words what happened.
//
// A page with a server asks the API for a ticket each time it connects. A page without one was
// given a ticket after the # of its address, which is good once.

import { Channel } from "./console-channel.js";
import { isLeaving } from "./console-keys.js";
import { fill } from "./words.js";

const AGAIN_AFTER = 1500;
// Of a session that lasted at least so long a loss is worth one try of its own accord.
const LASTED = 5000;
// Letters: a screen reader need not hear of each.
const TOLD_EVERY = 50;
const TRIES_AGAIN = new Set(["", "lost"]);
const texts = JSON.parse(document.getElementById("console-texts").textContent);
const root = document.querySelector("[data-console]");
const one = (selector) => root.querySelector(selector);
const all = (selector) => root.querySelectorAll(selector);

class Page {
  constructor() {
    this.server = Number(root.dataset.server) || null;
    this.kind = root.dataset.kind ?? "";
    this.ticket = location.hash.slice(1);
    this.view = null;
    this.isFitted = true;
    // Out of the address bar and the history, before anything else can read it there.
    if (this.ticket) history.replaceState(null, "", location.pathname + location.search);
  }

  async connect() {
    this.close();
    this.show(texts.connecting);
    const attempt = Symbol("attempt");
    this.attempt = attempt;
    const ticket = await this.nextTicket();
    if (!ticket || this.attempt !== attempt) return;
    const channel = new Channel({ ticket, server: this.server });
    this.channel = channel;
    channel.addEventListener("ready", ({ detail }) => {
      if (this.channel === channel) this.ready(channel, detail);
    });
    channel.addEventListener("end", ({ detail }) => {
      if (this.channel === channel) this.ended(detail);
    });
  }

  /** Null where there is none; then the reason is shown. */
  async nextTicket() {
    if (!root.dataset.ticketUrl) {
      const ticket = this.ticket;
      this.ticket = "";
      if (!ticket) this.show(texts.noTicket);
      return ticket || null;
    }
    let reply;
    try {
      reply = await fetch(root.dataset.ticketUrl, {
        method: "POST",
        headers: {
          Accept: "application/json",
          "Content-Type": "application/json",
          "X-CSRFToken": root.dataset.csrf,
        },
        body: JSON.stringify({ kind: this.kind }),
      });
    } catch {
      this.show(texts.noPanel, { again: true });
      return null;
    }
    if (reply.ok) return new URL((await reply.json()).url).hash.slice(1);
    const refused = {
      401: texts.signIn,
      403: texts.signIn,
      404: texts.notFound,
      429: texts.tooMany,
    };
    const lack = reply.status === 422 ? (await reply.json()).error : null;
    this.show(refused[reply.status] ?? texts.ends[lack?.code] ?? lack?.message ?? texts.ends.failed, {
      again: reply.status !== 404,
      reason: lack?.code ?? "",
    });
    return null;
  }

  async ready(channel, { kind, password, name }) {
    this.began = Date.now();
    this.kind = kind;
    one("[data-name]").textContent = name;
    const target = one("[data-target]");
    target.dataset.kind = kind;
    const early = [];
    channel.onmessage = (message) => early.push(message);
    const isText = kind === "text";
    const { Screen, Terminal } = await (isText
      ? import("./console-terminal.js")
      : import("./console-screen.js"));
    if (this.channel !== channel) return;
    const label = fill(texts.screenOf, { name });
    this.offer(kind);
    if (isText) {
      this.view = new Terminal({ target, channel, label });
      this.connected();
    } else {
      this.view = new Screen({ target, channel, password, label });
      this.view.isFitted = this.isFitted;
      this.view.addEventListener("connected", () => this.connected());
      this.view.addEventListener("refused", () => {
        this.close();
        this.show(texts.badPassword, { again: true });
      });
    }
    for (const message of early) channel.onmessage?.(message);
  }

  connected() {
    one("[data-note]").hidden = true;
    this.say(texts.connected);
    root.dataset.connected = "true";
    this.allow(true);
  }

  ended({ reason, wasReady }) {
    const lasted = wasReady && Date.now() - this.began >= LASTED;
    this.close();
    if (lasted && TRIES_AGAIN.has(reason) && root.dataset.ticketUrl) {
      this.show(texts.reconnecting);
      this.again = setTimeout(() => this.connect(), AGAIN_AFTER);
      return;
    }
    this.show(texts.ends[reason] ?? (wasReady ? texts.ends.lost : texts.noPanel), {
      again: Boolean(root.dataset.ticketUrl),
      reason,
    });
  }

  close() {
    clearTimeout(this.again);
    this.attempt = null;
    const { channel, view } = this;
    this.channel = this.view = null;
    view?.close();
    channel?.close();
    one("[data-target]").replaceChildren();
    delete root.dataset.connected;
    this.allow(false);
    for (const button of all("[data-hold]")) button.setAttribute("aria-pressed", "false");
  }

  /** Words over the screen, with what may be done next. */
  show(text, { again = false, reason = "" } = {}) {
    one("[data-note]").hidden = false;
    one("[data-note-text]").textContent = text;
    one("[data-again]").hidden = !again;
    this.say(text);
    const links = {
      "[data-to-server]": again,
      "[data-to-text]": reason === "no_screen",
      "[data-to-vnc]": reason === "no_serial" && root.dataset.screen !== "false",
    };
    for (const [selector, isOffered] of Object.entries(links)) {
      const link = one(selector);
      if (link) link.hidden = !isOffered;
    }
  }

  say(text) {
    const line = one("[data-status-line]");
    if (line.textContent !== text) line.textContent = text;
  }

  offer(kind) {
    for (const element of all("[data-for]")) element.hidden = element.dataset.for !== kind;
  }

  allow(isConnected) {
    for (const button of all("[data-needs-connection], [data-for='vnc'] button:not([data-do='scale'])")) {
      button.disabled = !isConnected;
    }
  }

  // What the bar does

  do(name, button) {
    const act = {
      "ctrl-alt-del": () => this.view?.pressCtrlAltDel(),
      paste: () => this.askForText(),
      keyboard: () => one("[data-typed]").focus(),
      scale: () => this.fit(button),
      "full-screen": () => toggleFullScreen(),
      reconnect: () => this.connect(),
    };
    act[name]();
    if (name === "ctrl-alt-del") this.view?.focus();
  }

  fit(button) {
    this.isFitted = !this.isFitted;
    button.setAttribute("aria-pressed", String(this.isFitted));
    if (this.view) this.view.isFitted = this.isFitted;
  }

  hold(button) {
    const isHeld = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isHeld));
    this.view?.hold(button.dataset.hold, isHeld);
    this.view?.focus();
  }

  askForText() {
    const dialog = one("[data-paste]");
    dialog.returnValue = "";
    dialog.showModal();
  }

  async type() {
    const field = one("[data-paste-text]");
    const text = field.value;
    field.value = "";
    if (one("[data-paste]").returnValue !== "type" || !this.view || !text) return;
    const { view } = this;
    view.focus();
    const isDone = await view.type(text, (done, whole) => {
      if (done % TOLD_EVERY === 0) this.say(fill(texts.typing, { done, all: whole }));
    });
    if (isDone && this.view === view) this.say(texts.connected);
  }
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else one("[data-frame]").requestFullscreen?.();
}

const page = new Page();

for (const button of all("[data-do]")) {
  button.addEventListener("click", () => page.do(button.dataset.do, button));
}
for (const button of all("[data-hold]")) {
  button.addEventListener("click", () => page.hold(button));
}
for (const button of all("[data-key]")) {
  button.addEventListener("click", () => page.view?.press(button.dataset.key));
}
one("[data-paste]").addEventListener("close", () => page.type());
document.addEventListener("fullscreenchange", () => {
  const isFull = String(document.fullscreenElement !== null);
  one("[data-do='full-screen']").setAttribute("aria-pressed", isFull);
});

// A phone's keyboard names no keys: what it wants to write is taken from before it is written.
one("[data-typed]").addEventListener("beforeinput", (event) => {
  const written = {
    insertLineBreak: "\n",
    insertParagraph: "\n",
    deleteContentBackward: "\b",
  };
  const text = written[event.inputType] ?? event.data ?? "";
  if (text) page.view?.write(text);
  event.preventDefault();
});
// Before the screen gets it: see docs/design-system.md, everything works by keyboard.
addEventListener(
  "keydown",
  (event) => {
    if (!isLeaving(event)) return;
    event.preventDefault();
    event.stopPropagation();
    page.view?.leave();
    one("[data-do='reconnect']").focus();
  },
  { capture: true },
);
addEventListener("pagehide", () => page.close());

page.allow(false);
if (page.kind) page.offer(page.kind);
page.connect();
