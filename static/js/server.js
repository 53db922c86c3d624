// A server's page: live numbers, and charts over the chosen range.

import { Charts } from "./charts.js";
import "./copy.js";
import { Controls } from "./controls.js";
import { now } from "./clock.js";
import { follow } from "./follow.js";
import { unixOf, wallText } from "./wall-time.js";
import { asAddress, entered, fromAddress, scaled } from "./window.js";

const history = document.querySelector("[data-charts]");
const links = [...document.querySelectorAll("[data-ranges] a")];

const controls = new Controls(document.querySelector("[data-controls]"));
const views = follow({
  onSample(view) {
    charts.add(view.metrics);
    // Its uptime tells whether what waited for a start has had one.
    if (document.querySelector("[data-pending]")) controls.refresh();
  },
  onNews() {
    controls.refresh();
    charts.tell();
  },
  onLost: () => controls.refresh(),
  onReturn: () => charts.refresh(),
});
const charts = new Charts(history, [...views.values()][0], zoom);
const form = document.querySelector("[data-window]");
const back = form.querySelector("[data-live-again]");

/** What the address asks for: a window, or the last hours, live. */
function showAsked() {
  const asked = fromAddress(location.search);
  const named = new URLSearchParams(location.search).get("range");
  const range = links.find((link) => link.dataset.range === named) ?? links[0];
  for (const link of links) {
    if (!asked && link === range) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (!asked && document.activeElement === back) links.find((link) => link.hasAttribute("aria-current")).focus();
  back.disabled = !asked;
  const shown = asked ?? { from: now() - Number(range.dataset.seconds), until: now() };
  form.elements.from.value = wallText(shown.from);
  form.elements.until.value = wallText(shown.until);
  if (asked) charts.look(asked);
  else charts.load(Number(range.dataset.seconds));
}

function go(address) {
  window.history.pushState(null, "", address);
  showAsked();
}

/** Back to the present as it was shown last, where no window is wanted. */
function zoom(wanted) {
  if (wanted) go(asAddress(wanted));
  else if (fromAddress(location.search)) go(lastRange);
}

let lastRange = links.find((link) => link.getAttribute("aria-current"))?.href ?? links[0].href;

for (const link of links) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    lastRange = link.href;
    go(link.href);
  });
}

/** What stands in a field. Left as it was, it is the time shown: to the second, and of an hour that the
 * clocks show twice the right one. */
function entry(name) {
  const { value } = form.elements[name];
  const shown = fromAddress(location.search)?.[name];
  return shown !== undefined && wallText(shown) === value ? shown : unixOf(value);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [from, until] = ["from", "until"].map(entry);
  const isOrdered = from < until && from < now();
  form.elements.until.setCustomValidity(isOrdered ? "" : form.dataset.disorder);
  if (!isOrdered) form.reportValidity();
  else go(asAddress(entered(from, until)));
});
form.addEventListener("input", () => form.elements.until.setCustomValidity(""));
form.addEventListener("click", (event) => {
  const { factor } = event.target.closest("[data-factor]")?.dataset ?? {};
  if (factor) zoom(scaled(charts.window, Number(factor), (charts.window.from + charts.window.until) / 2));
  if (event.target.closest("[data-live-again]")) zoom(null);
});

addEventListener("popstate", showAsked);
document.addEventListener("alertchange", () => charts.tell());

showAsked();
