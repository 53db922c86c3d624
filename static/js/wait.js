// A part of the page that waits for something is fetched anew until it waits no more.

const EVERY = 2000;

function later() {
  if (document.querySelector("[data-wait]")) setTimeout(look, EVERY);
}

async function look() {
  const shown = document.querySelector("[data-wait]");
  if (!shown) return;
  try {
    const reply = await fetch(location.href);
    if (reply.redirected) {
      location.reload();
      return;
    }
    if (reply.ok) {
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      const fresh = page.querySelector(`[aria-labelledby="${CSS.escape(shown.getAttribute("aria-labelledby"))}"]`);
      if (fresh && fresh.textContent !== shown.textContent) {
        shown.replaceWith(document.importNode(fresh, true));
      }
    }
  } catch {
    // No network: the next look is soon.
  }
  later();
}

later();
