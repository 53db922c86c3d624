// Keeps the servers on a page up to date.

import { announce } from "./announcer.js";
import { refreshConsoleBanner, refreshStaleBanner, showConnection } from "./banners.js";
import { everySecond, now } from "./clock.js";
import { Live } from "./live.js";
import { tellProblems } from "./problems.js";
import { ServerView } from "./server-view.js";
import { settings } from "./settings.js";

// Events that hold no state themselves: the page gets its pieces anew.
const NEWS = new Set(["snapshots", "consoles"]);

/**
 * Follows every element with data-server. `onSample(view)` is called for each newer sample,
 * `onStatus(view, before)` for each changed state, `onNews(view)` whenever something was told of a
 * server besides its numbers, `onLost(view)` when it is not there any more, `onReturn()` when a lost
 * socket is back.
 */
export function follow({ onSample, onStatus, onNews, onLost, onReturn } = {}) {
  const elements = document.querySelectorAll("[data-server]");
  const views = new Map([...elements].map((element) => [element.dataset.server, new ServerView(element)]));
  const live = new Live({
    servers: [...views.values()].map((view) => view.id),
    refreshUrl: settings.refreshUrl,
  });
  let wasInterrupted = false;
  let staleBefore = staleCount(views);

  live.addEventListener("update", ({ detail }) => {
    const view = views.get(String(detail.server));
    if (!view) return;
    const before = view.status;
    const done = view.take(detail, now());
    if (done.sample) onSample?.(view);
    if (done.status) {
      announce(view.name, view.status);
      onStatus?.(view, before);
    }
    if (detail.status !== undefined || detail.action !== undefined || NEWS.has(detail.type)) onNews?.(view);
    if (detail.type === "consoles") refreshConsoleBanner();
    look();
  });
  live.addEventListener("lost", ({ detail }) => {
    const view = views.get(String(detail.server));
    view?.lose(now());
    if (view) onLost?.(view);
    look();
  });
  live.addEventListener("connection", ({ detail }) => {
    showConnection(detail.isLive);
    if (detail.isLive && wasInterrupted) onReturn?.();
    wasInterrupted = !detail.isLive;
  });

  function look() {
    const stale = staleCount(views);
    tellProblems("servers", stale);
    if (stale !== staleBefore) refreshStaleBanner();
    staleBefore = stale;
  }

  everySecond((at) => {
    for (const view of views.values()) view.tick(at);
    look();
  });
  look();
  live.start();
  return views;
}

function staleCount(views) {
  let count = 0;
  for (const view of views.values()) count += view.isStale ? 1 : 0;
  return count;
}
