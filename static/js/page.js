// On every page: the theme switch, menus that close, forms sent once, toasts, local times.

import { choice, choose } from "./choice.js";
import { localise } from "./clock.js";

for (const form of document.querySelectorAll("[data-theme-switch]")) {
  form.hidden = false;
  for (const radio of form.querySelectorAll("[type=radio]")) {
    radio.checked = radio.value === (choice("theme") || "system");
    radio.addEventListener("change", () => {
      choose("theme", radio.value === "system" ? "" : radio.value);
      if ("kept" in form.dataset) keep(form);
    });
  }
}

async function keep(form) {
  try {
    await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Requested-With": "fetch" },
    });
  } catch {
    // No network: it holds in this browser until the next page.
  }
}

// Menus may come and go with the pieces of a page that they stand in.
const openMenus = () => document.querySelectorAll("[data-menu][open]");
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("focusout", (event) => {
  const menu = event.target.closest("[data-menu]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

// A form that goes away with the page is sent once, however often it is pressed.
// At the window, after all modules that send a form themselves.
const RESTS = 5000;
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if ("sent" in form.dataset) event.preventDefault();
  form.dataset.sent = "";
  // Whatever ends the session meanwhile leads nobody away from where the form leads.
  document.documentElement.dataset.leaving = "";
  setTimeout(() => rested([form]), RESTS);
});
// A page that is come back to may be the same one, with its timers where they stood.
addEventListener("pageshow", (event) => {
  if (event.persisted) rested(document.querySelectorAll("form[data-sent]"));
});

function rested(forms) {
  for (const form of forms) delete form.dataset.sent;
  delete document.documentElement.dataset.leaving;
}

// What went well is told in passing; it stays as long as somebody is at it.
const PASSES = 8000;
for (const toast of document.querySelectorAll("[data-toast]")) {
  const close = toast.querySelector("[data-toast-close]");
  close.hidden = false;
  close.addEventListener("click", () => toast.remove());
  const pass = () => {
    if (toast.matches(":hover, :focus-within")) setTimeout(pass, PASSES);
    else toast.remove();
  };
  setTimeout(pass, PASSES);
}

localise(document);
