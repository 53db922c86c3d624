// The list: rows stay where they are; their numbers, states and the filter's counts change.

import { choice, choose } from "./choice.js";
import { follow } from "./follow.js";

follow({
  onStatus(view, before) {
    count(before, -1);
    count(view.status, 1);
  },
});

function count(status, change) {
  const element = document.querySelector(`[data-count="${status}"]`);
  if (!element) return;
  const number = Math.max(0, Number(element.textContent) + change);
  element.textContent = String(number);
  const item = element.closest("li");
  if (number > 0) item.hidden = false;
}

// Which servers have alerts is for the server to say: the marks are taken from the list as it is now.
const GATHERING = 300;
let marking = null;

async function markAlerts() {
  marking = null;
  try {
    const reply = await fetch(location.href);
    if (!reply.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const row of page.querySelectorAll("[data-server]")) {
      const fresh = row.querySelector('[data-field="alerts"]');
      const shown = document.querySelector(`[data-server="${CSS.escape(row.dataset.server)}"] [data-field="alerts"]`);
      if (shown && shown.textContent !== fresh.textContent) {
        shown.replaceChildren(...document.importNode(fresh, true).childNodes);
      }
    }
  } catch {
    // No network: the next event, or the return of the socket, asks again.
  }
}

document.addEventListener("alertchange", () => {
  marking ??= setTimeout(markAlerts, GATHERING);
});

for (const select of document.querySelectorAll("[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

const layouts = document.querySelector("[data-layout-switch]");
layouts.hidden = false;
const buttons = layouts.querySelectorAll("button");

function showLayout() {
  const chosen = choice("layout") || "rows";
  for (const button of buttons) button.ariaPressed = String(button.value === chosen);
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    choose("layout", button.value === "rows" ? "" : button.value);
    showLayout();
  });
}
showLayout();
