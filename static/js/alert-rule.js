// The form of a rule: it shows what the metric has, in its unit, and tries the rule on the past while
// it is edited. Without this, everything is there, and a button tries it.

import { drawAlertChart } from "./alert-chart.js";
import { localise } from "./clock.js";
import { goToSignIn } from "./settings.js";

const WAIT = 400;
const form = document.querySelector("[data-rule-form]");
const metrics = JSON.parse(document.getElementById("metrics").textContent);
const ONLY_SOME = ["mountpoint", "condition", "threshold", "clear_at", "duration", "no_data", "trust"];
const trial = form.querySelector("[data-trial]");
let timer = null;
let asking = null;

function arrange() {
  const metric = metrics[form.elements.metric.value];
  for (const name of ONLY_SOME) {
    const field = form.querySelector(`[data-field="${name}"]`);
    if (field) field.hidden = !metric.has.includes(name);
  }
  for (const unit of form.querySelectorAll("[data-unit]")) unit.textContent = metric.unit ? `(${metric.unit})` : "";
  if (metric.condition) form.elements.condition.value = metric.condition;
  const scope = form.elements.scope?.value;
  for (const field of form.querySelectorAll("[data-scope]")) field.hidden = field.dataset.scope !== scope;
}

function tryLater() {
  if (!trial) return;
  clearTimeout(timer);
  timer = setTimeout(tryIt, WAIT);
}

async function tryIt() {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  body.set("try", "1");
  trial.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(location.href, {
      method: "POST",
      headers: { "X-Requested-With": "fetch" },
      body,
      signal: asking.signal,
    });
    if (reply.redirected) goToSignIn();
    if (!reply.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    show(document.importNode(page.querySelector('[data-part="trial"]'), true));
  } catch (error) {
    // No network: the next change, or the button, tries again.
    if (error.name === "AbortError") return;
  }
  trial.removeAttribute("aria-busy");
}

function show(fresh) {
  trial.replaceChildren(fresh);
  localise(fresh);
  const chart = fresh.querySelector("[data-alert-chart]");
  if (chart) drawAlertChart(chart);
}

form.addEventListener("input", (event) => {
  if (event.target.name === "server" && form.elements.trial && event.target.value) {
    form.elements.trial.value = event.target.value;
  }
  arrange();
  tryLater();
});
form.addEventListener("submit", (event) => {
  if (event.submitter?.name !== "try") return;
  event.preventDefault();
  tryIt();
});
arrange();
if (trial) tryIt();
