// A page below a server's own: its head live, and the controls where they stand on it.

import "./copy.js";
import { Controls } from "./controls.js";
import { localise } from "./clock.js";
import { follow } from "./follow.js";
import "./secret.js";

const place = document.querySelector("[data-controls]");
const controls = place ? new Controls(place) : null;
const gone = document.querySelector("[data-gone]");

follow({
  onSample() {
    if (document.querySelector("[data-pending]")) controls?.refresh();
  },
  onNews() {
    controls?.refresh();
    if (document.querySelector("[data-waiting]")) lookAgain();
  },
  onLost() {
    gone.hidden = false;
  },
});

/** What the page waits for may have come. Nothing was typed yet: there was nothing to type into. */
async function lookAgain() {
  try {
    const reply = await fetch(location.href);
    if (!reply.ok) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const old = document.querySelector('[data-part="password"]');
    const fresh = document.importNode(page.querySelector('[data-part="password"]'), true);
    if (!document.querySelector("[data-waiting]")) return;
    old.replaceWith(fresh);
    localise(fresh);
  } catch {
    // No network: the banner says so.
  }
}
