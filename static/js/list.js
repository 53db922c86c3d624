// The list: rows stay where they are; their numbers, states and the filter's counts change.

import { follow } from "./follow.js";
import "./sparklines.js";

follow({
  onStatus(view, before) {
    count(before, -1);
    count(view.status, 1);
    if ([before, view.status].includes("unknown")) markSoon();
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

// Which servers have alerts, and which labels bear a mark for it, is for the server to say: the marks are
// taken from the list as it is now.
const GATHERING = 300;
let marking = null;

function markSoon() {
  marking ??= setTimeout(markAlerts, GATHERING + Math.random() * 1000);
}

/** Unless the rows below would move. */
function markLabels(page) {
  const [shown, fresh] = [document, page].map((root) => root.querySelector(".label-row ul"));
  if (!shown || !fresh || shown.textContent === fresh.textContent) return;
  const height = shown.offsetHeight;
  const anew = document.importNode(fresh, true);
  shown.replaceWith(anew);
  if (anew.offsetHeight !== height) anew.replaceWith(shown);
}

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
    if (!document.activeElement?.closest(".label-row")) markLabels(page);
  } catch {
    // No network: the next event, or the return of the socket, asks again.
  }
}

document.addEventListener("alertchange", markSoon);

for (const select of document.querySelectorAll("[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
