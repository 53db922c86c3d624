// Copies a text that stands beside its button: an address, as a rule.

import { say } from "./announcer.js";
import { fill, words } from "./words.js";

const TOLD_FOR = 2000;

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy-text]");
  if (!button) return;
  const text = button.dataset.copyText;
  const label = button.querySelector("[data-copy-label]");
  const usual = label.dataset.usual ?? label.textContent;
  label.dataset.usual = usual;
  const isCopied = await copied(text, button);
  label.textContent = isCopied ? label.dataset.copied : label.dataset.selected;
  if (isCopied) say(fill(words.copied, { text }));
  setTimeout(() => {
    label.textContent = usual;
  }, TOLD_FOR);
});

/** By plain HTTP a browser has no clipboard for pages: then the text is selected at least. */
async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const shown = button.parentElement.querySelector("code");
    getSelection().selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
