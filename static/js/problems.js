// The title and its icon tell how many servers want attention.

const icon = document.querySelector("link[rel=icon]");
const calm = icon.getAttribute("href");
const title = document.title.replace(/^\(\d+\) /, "");
let told = null;

export function tellProblems(count) {
  if (count === told) return;
  told = count;
  document.title = count > 0 ? `(${count}) ${title}` : title;
  icon.setAttribute("href", count > 0 ? icon.dataset.attention : calm);
}
