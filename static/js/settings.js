// What a page was rendered with for following servers; see templates/partials/live.html.

const element = document.querySelector("[data-live]");
const frame = document.querySelector("[data-sign-in-url]");

export const settings = {
  refreshUrl: element?.dataset.refreshUrl ?? "",
  signInUrl: frame?.dataset.signInUrl ?? "/",
  pollInterval: Number(element?.dataset.pollInterval ?? 30),
  staleAfter: Number(element?.dataset.staleAfter ?? 90),
};

export function goToSignIn() {
  if ("leaving" in document.documentElement.dataset) return;
  const next = encodeURIComponent(location.pathname + location.search);
  location.assign(`${settings.signInUrl}?next=${next}`);
}
