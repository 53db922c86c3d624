// What is shown once can be copied at once.

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.querySelector("[data-copy-label]");
  const secret = document.querySelector("[data-secret]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (await copied(secret)) label.textContent = label.dataset.copied;
  });
}

/** By plain HTTP a browser has no clipboard for pages: then it is at least selected. */
async function copied(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    return false;
  }
}
