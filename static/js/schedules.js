// Where no time zone was chosen yet, the reader's own one is proposed.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

for (const select of document.querySelectorAll("select[data-zone]")) {
  const known = [...select.options].find((option) => option.value === zone);
  if (!known || select.value === zone) continue;
  select.value = zone;
  const note = select.parentElement.querySelector("[data-zone-proposed]");
  if (note) note.hidden = false;
}
