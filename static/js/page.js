// On every page: the theme switch, menus that close, local times.

import { choice, choose } from "./choice.js";
import { localise } from "./clock.js";

for (const fieldset of document.querySelectorAll("[data-theme-switch]")) {
  fieldset.hidden = false;
  for (const radio of fieldset.querySelectorAll("input")) {
    radio.checked = radio.value === (choice("theme") || "system");
    radio.addEventListener("change", () => {
      choose("theme", radio.value === "system" ? "" : radio.value);
    });
  }
}

const menus = document.querySelectorAll("[data-menu]");
document.addEventListener("click", (event) => {
  for (const menu of menus) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (!menu.open) continue;
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
for (const menu of menus) {
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
}

localise(document);
