// A server's page: live numbers, and charts over the chosen range.

import { Charts } from "./charts.js";
import { Controls } from "./controls.js";
import { follow } from "./follow.js";

const history = document.querySelector("[data-charts]");
const links = [...document.querySelectorAll("[data-ranges] a")];

const controls = new Controls(document.querySelector("[data-controls]"));
const views = follow({
  onSample(view) {
    charts.add(view.metrics);
    // Its uptime tells whether what waited for a start has had one.
    if (document.querySelector("[data-pending]")) controls.refresh();
  },
  onNews: () => controls.refresh(),
  onLost: () => controls.refresh(),
  onReturn: () => charts.refresh(),
});
const charts = new Charts(history, [...views.values()][0]);

function choose(range) {
  for (const link of links) {
    if (link.dataset.range !== range) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "true");
    charts.load(Number(link.dataset.seconds));
  }
}

for (const link of links) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    window.history.pushState(null, "", link.href);
    choose(link.dataset.range);
  });
}

addEventListener("popstate", () => {
  const range = new URLSearchParams(location.search).get("range");
  choose(links.some((link) => link.dataset.range === range) ? range : links[0].dataset.range);
});

choose(history.dataset.range);
