// The number of alerts in the header of every page, and in its title.

import { Live } from "./live.js";
import { tellProblems } from "./problems.js";

const GATHERING = 200;
const link = document.querySelector("[data-alert-badge]");
let timer = null;

/** The server counts: what came over the socket only says that it is another number now. */
async function refresh() {
  timer = null;
  try {
    const reply = await fetch(link.dataset.alertBadge, { headers: { "X-Requested-With": "fetch" } });
    if (!reply.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const piece = page.querySelector("[data-count]");
    link.replaceChildren(...document.importNode(piece, true).childNodes);
    tellProblems("alerts", Number(piece.dataset.count));
  } catch {
    // No network: the next event, or the return of the socket, asks again.
  }
}

document.addEventListener("alertchange", () => {
  timer ??= setTimeout(refresh, GATHERING);
});
tellProblems("alerts", Number(link.dataset.count));

// A page that follows servers has a socket of its own.
if (!document.querySelector("[data-live]")) new Live({ servers: [], refreshUrl: "" }).start();
