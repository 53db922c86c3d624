// The banners over a page: a lost socket, and clusters whose numbers stand still.

import { localise } from "./clock.js";
import { settings } from "./settings.js";

export function showConnection(isLive) {
  document.querySelector("[data-connection-banner]").hidden = isLive;
}

let timer = null;

/** Servers went stale or came back: the server knows what is to be said of it. */
export function refreshStaleBanner() {
  timer ??= setTimeout(replaceStaleBanner, Math.min(settings.pollInterval, 5) * 1000);
}

async function replaceStaleBanner() {
  timer = null;
  await replace("stale-banner");
}

let isReplacing = false;

/** Somebody asks for a console, or that is over. */
export async function refreshConsoleBanner() {
  if (isReplacing) return;
  isReplacing = true;
  await replace("console-banner");
  isReplacing = false;
}

async function replace(id) {
  const shown = document.getElementById(id);
  if (!shown) return;
  try {
    const reply = await fetch(location.href);
    if (!reply.ok) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const present = page.getElementById(id);
    if (!present || present.innerHTML === shown.dataset.source) return;
    shown.replaceChildren(...document.importNode(present, true).childNodes);
    shown.dataset.source = present.innerHTML;
    localise(shown);
  } catch {
    // No network: the other banner says so.
  }
}
