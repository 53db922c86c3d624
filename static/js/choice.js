// What a person chose about the looks, kept in this browser.

export function choice(name) {
  return document.documentElement.dataset[name] ?? "";
}

/** An empty value goes back to the default. */
export function choose(name, value) {
  if (value) document.documentElement.dataset[name] = value;
  else delete document.documentElement.dataset[name];
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {
    // It holds for this page alone then.
  }
  document.dispatchEvent(new CustomEvent("choice", { detail: { name, value } }));
}
