// Acting on a server without leaving its page. What may be done, what is being done and how it ended
// is written by the server; here its pieces are got anew whenever something changed.

import { say } from "./announcer.js";
import { everySecond, localise, now } from "./clock.js";
import { formats } from "./format.js";
import { goToSignIn } from "./settings.js";
import { words } from "./words.js";

// Several events of one change come close together.
const GATHERING = 150;
const FETCHED = { "X-Requested-With": "fetch" };

const format = formats(words);

export class Controls {
  /** `element` is the place of the controls, see templates/servers/controls_place.html. */
  constructor(element) {
    this.element = element;
    this.url = element.dataset.controls;
    this.alert = element.querySelector("[data-alert]");
    this.dialog = document.querySelector("[data-ask-dialog]");
    this.asked = 0;
    document.addEventListener("submit", (event) => this.submitted(event));
    this.dialog.addEventListener("click", (event) => {
      if (event.target !== this.dialog && !event.target.closest("[data-close]")) return;
      event.preventDefault();
      this.dialog.close();
    });
    this.dialog.addEventListener("close", () => this.opener()?.focus());
    // What a tip lies over can be seen without going away from its button.
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") document.body.dataset.quiet = "";
    });
    for (const type of ["focusin", "pointerover"]) {
      document.addEventListener(type, () => delete document.body.dataset.quiet);
    }
    everySecond(() => this.tick());
  }

  /** Something changed: to be called as often as one hears of it. */
  refresh() {
    this.timer ??= setTimeout(() => this.fetchPieces(), GATHERING);
  }

  async fetchPieces() {
    this.timer = null;
    const order = ++this.asked;
    const reply = await get(this.url);
    if (reply?.status === 404) this.lose();
    // What was asked for last is shown, whatever comes last.
    if (reply?.ok && order === this.asked) this.show(parse(await reply.text()));
  }

  lose() {
    document.querySelector("[data-gone]").hidden = false;
    for (const part of document.querySelectorAll("[data-part]")) part.hidden = true;
  }

  submitted(event) {
    const form = event.target;
    const isAsking = form.matches("[data-ask]");
    if (!isAsking && !form.matches("[data-act]")) return;
    event.preventDefault();
    this.pressed = event.submitter?.dataset.key ?? this.pressed;
    event.submitter?.closest("details")?.removeAttribute("open");
    const data = new FormData(form, event.submitter);
    if (isAsking) this.ask(`${form.action}?${new URLSearchParams(data)}`);
    else this.act(form, data);
  }

  /** The server says what it means, and whether it still can be done. */
  async ask(url) {
    const reply = await get(url);
    if (!reply?.ok) {
      this.tell(reply ? "" : words.notSent);
      this.refresh();
      return;
    }
    this.question(parse(await reply.text()));
  }

  /** Puts it into the dialog. False where the answer holds none. */
  question(page) {
    const form = page.querySelector('[data-part="confirm"]');
    if (!form) return false;
    this.dialog.replaceChildren(document.importNode(form, true));
    localise(this.dialog);
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.querySelector('[aria-invalid="true"], [role="alert"] ~ .field input')?.focus();
    return true;
  }

  async act(form, data) {
    if (this.isSending) return;
    this.isSending = true;
    this.element.setAttribute("aria-busy", "true");
    const order = ++this.asked;
    let isAskedAnew = false;
    try {
      const body = new URLSearchParams(data);
      const reply = await fetch(form.action, { method: "POST", headers: FETCHED, body });
      if (reply.redirected) {
        goToSignIn();
        return;
      }
      const page = parse(await reply.text());
      // Something that was entered is not right: what was typed stands in the question still.
      isAskedAnew = this.dialog.open && this.question(page);
      if (isAskedAnew) return;
      const pieces = page.querySelector('[data-part="controls"]');
      // No answer of ours: it expired, or the panel is away. The page by reload is right.
      if (!pieces) location.reload();
      else if (order === this.asked) this.show(page);
      document.dispatchEvent(new CustomEvent("acted"));
      this.tell(pieces?.dataset.error ?? "");
    } catch {
      this.tell(words.notSent);
    } finally {
      this.isSending = false;
      this.element.removeAttribute("aria-busy");
      if (this.dialog.open && !isAskedAnew) this.dialog.close();
    }
  }

  tell(error) {
    this.alert.hidden = !error;
    this.alert.textContent = error;
  }

  show(page) {
    const before = this.told();
    for (const fresh of page.querySelectorAll("[data-part]")) {
      const old = document.querySelector(`[data-part="${fresh.dataset.part}"]`);
      if (old) this.replace(old, document.importNode(fresh, true));
    }
    const after = this.told();
    if (after && after !== before) say(after);
    if (this.element.querySelector("[data-active]")) this.tell("");
  }

  /** Whoever was on a button or link stays on it, and what was open stays open. */
  replace(old, fresh) {
    const focused = old.contains(document.activeElement) ? markOf(document.activeElement) : null;
    for (const open of old.querySelectorAll("details[open]")) {
      const same = fresh.querySelector(`details.${open.classList[0]}`);
      if (same) same.open = true;
    }
    old.replaceWith(fresh);
    localise(fresh);
    if (focused) (fresh.querySelector(focused) ?? this.menu()).focus();
  }

  button(key) {
    return document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }

  /** Where the focus goes back to: the button itself, or the menu that it stands in. */
  opener() {
    const button = this.pressed ? this.button(this.pressed) : null;
    return button?.checkVisibility() ? button : this.menu();
  }

  menu() {
    return this.element.querySelector(".power-menu > summary");
  }

  told() {
    const text = this.element.querySelector("[data-doing], [data-sentence]");
    return text ? `${text.closest("[data-server], body").dataset.name ?? ""}: ${text.textContent}` : "";
  }

  tick() {
    for (const element of document.querySelectorAll("[data-elapsed]")) {
      const text = format.stopwatch(Math.max(0, now() - Number(element.dataset.elapsed)));
      if (element.textContent !== text) element.textContent = text;
    }
  }
}

/** By what an element is found again in the piece that takes its place. */
function markOf(element) {
  if (element.dataset.key) return `[data-key="${CSS.escape(element.dataset.key)}"]`;
  if (element.matches("summary")) return `.${element.parentElement.classList[0]} > summary`;
  return element.hasAttribute("href") ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : "summary";
}

async function get(url) {
  try {
    const reply = await fetch(url, { headers: FETCHED });
    if (!reply.redirected) return reply;
    goToSignIn();
    return null;
  } catch {
    return null; // No network: the banner says so, and the next event asks again.
  }
}

function parse(text) {
  return new DOMParser().parseFromString(text, "text/html");
}
