// What is live on the pages of alerts: parts that the server renders are got anew when an alert of
// this person begins, changes or ends. Nothing moves under a pointer or the focus.

import { say } from "./announcer.js";
import { localise } from "./clock.js";
import { goToSignIn } from "./settings.js";

const GATHERING = 250;
// Without an event, too: how long things last, and what fires at the servers of others for staff.
const EVERY = 30_000;
const FETCHED = { "X-Requested-With": "fetch" };

class LivePart {
  /** `element` holds one element with data-part; `url` renders that part alone. */
  constructor(element) {
    this.element = element;
    this.notice = element.querySelector("[data-changed]");
    this.waiting = null;
    this.timer = null;
    document.addEventListener("alertchange", () => {
      this.timer ??= setTimeout(() => this.refresh(), GATHERING);
    });
    setInterval(() => {
      if (document.visibilityState === "visible") this.refresh();
    }, EVERY);
    element.addEventListener("pointerleave", () => this.showWaiting());
    element.addEventListener("focusout", () => setTimeout(() => this.showWaiting()));
    this.notice.querySelector("button").addEventListener("click", () => this.show(this.waiting));
  }

  get part() {
    return this.element.querySelector("[data-part]");
  }

  get isBusy() {
    const isPointedAt = this.part.matches(":hover") && matchMedia("(hover: hover)").matches;
    const isOpen = this.part.querySelector("details[open]") !== null;
    return isPointedAt || isOpen || this.part.contains(document.activeElement);
  }

  async refresh() {
    this.timer = null;
    try {
      const reply = await fetch(location.href, { headers: FETCHED });
      if (reply.redirected) goToSignIn();
      if (!reply.ok || reply.redirected) return;
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      this.take(page.querySelector("[data-part]"));
    } catch {
      // No network: the return of the socket asks again.
    }
  }

  take(fresh) {
    if (!fresh) return;
    const isNews = told(fresh) !== told(this.waiting ?? this.part);
    if (isNews) say(this.element.dataset.firingWords);
    if (!this.isBusy) {
      this.show(document.importNode(fresh, true));
    } else if (isNews) {
      this.waiting = document.importNode(fresh, true);
      this.notice.hidden = false;
    }
  }

  showWaiting() {
    if (this.waiting && !this.isBusy) this.show(this.waiting);
  }

  show(fresh) {
    this.waiting = null;
    this.notice.hidden = true;
    if (!fresh) return;
    this.part.replaceWith(fresh);
    localise(fresh);
  }
}

/** What it tells, apart from how long things last and from times as this browser writes them. */
function told(part) {
  const marks = [...part.querySelectorAll("[data-key], [data-code], .severity, strong")];
  return marks.map((each) => each.dataset.key ?? each.dataset.code ?? each.textContent).join("\n");
}

for (const element of document.querySelectorAll("[data-live-part]")) new LivePart(element);

// How a test ended is asked for until it is over.
const LOOK_EVERY = 1000;

async function follow(test) {
  try {
    const reply = await fetch(test.dataset.test, { headers: FETCHED });
    if (reply.redirected) goToSignIn();
    if (!reply.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = document.importNode(page.querySelector("[data-test]"), true);
    if (fresh.textContent !== test.textContent) test.replaceChildren(...fresh.childNodes);
    if (!fresh.hasAttribute("data-under-way")) return;
  } catch {
    // No network: it is asked again.
  }
  setTimeout(() => follow(test), LOOK_EVERY);
}

for (const test of document.querySelectorAll("[data-test][data-under-way]")) follow(test);
