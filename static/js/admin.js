// The staff site: its start page is got anew, and a field that asks for a person offers some.

const DESK_EVERY = 30_000;
const TYPING = 200;

/** Nothing moves under a pointer, or away from the focus. */
function isInUse(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
}

async function refreshDesk() {
  const shown = document.querySelector("[data-desk]");
  if (!shown || document.visibilityState !== "visible" || isInUse(shown)) return;
  try {
    const reply = await fetch(shown.dataset.desk, { headers: { "X-Requested-With": "fetch" } });
    if (!reply.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = page.querySelector("[data-desk]");
    if (fresh && !isInUse(shown)) shown.replaceWith(document.importNode(fresh, true));
  } catch {
    // No network: the time of its reading stands over it, and the next half minute asks again.
  }
}

if (document.querySelector("[data-desk]")) setInterval(refreshDesk, DESK_EVERY);

for (const field of document.querySelectorAll("[data-suggest]")) {
  const list = document.getElementById(field.getAttribute("list"));
  const url = document.querySelector(".find form").action;
  let timer = null;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => suggest(field, list, url), TYPING);
  });
}

async function suggest(field, list, url) {
  const wanted = field.value.trim();
  if (!wanted) return;
  try {
    const reply = await fetch(`${url}people/?${new URLSearchParams({ q: wanted })}`);
    if (!reply.ok || reply.redirected || field.value.trim() !== wanted) return;
    const { people } = await reply.json();
    list.replaceChildren(
      ...people.map(({ email, name }) => {
        const option = document.createElement("option");
        option.value = email;
        option.label = name ? `${name} · ${email}` : email;
        return option;
      }),
    );
  } catch {
    // No network: the address can be typed out.
  }
}
