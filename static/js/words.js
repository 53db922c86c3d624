// The page's texts in its language, from the JSON that the server put into it.

const element = document.getElementById("words");

export const words = element ? JSON.parse(element.textContent) : {};

/** "{name}: {status}" with the values put in. What is put in is never looked at again. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
