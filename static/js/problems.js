// The title and its icon tell how many things want attention.

const icon = document.querySelector("link[rel=icon]");
const calm = icon.getAttribute("href");
const title = document.title.replace(/^\(\d+\) /, "");
const counts = new Map();
let told = null;

/** `what` are servers whose numbers stand still, or alerts that nobody took on. */
export function tellProblems(what, count) {
  counts.set(what, count);
  const all = [...counts.values()].reduce((sum, each) => sum + each, 0);
  if (all === told) return;
  told = all;
  document.title = all > 0 ? `(${all}) ${title}` : title;
  icon.setAttribute("href", all > 0 ? icon.dataset.attention : calm);
}
