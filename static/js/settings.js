// What a page was rendered with for following servers; see templates/partials/live.html.

const element = document.querySelector("[data-live]");

export const settings = {
  refreshUrl: element?.dataset.refreshUrl ?? "",
  signInUrl: element?.dataset.signInUrl ?? "/",
  pollInterval: Number(element?.dataset.pollInterval ?? 30),
  staleAfter: Number(element?.dataset.staleAfter ?? 90),
};

export function goToSignIn() {
  const next = encodeURIComponent(location.pathname + location.search);
  location.assign(`${settings.signInUrl}?next=${next}`);
}
