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

localise(document);
