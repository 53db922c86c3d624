// A server's snapshots: the page's pieces are got anew at every event, and now and then without one,
// so that ages count on and what is done in Proxmox itself is seen.

import "./copy.js";
import { Controls } from "./controls.js";
import { follow } from "./follow.js";

const EVERY = 20_000;
// So long a look at the host takes at most, as a rule; where nothing changed, no event tells its end.
const AFTER_A_LOOK = 4000;

const place = document.querySelector("[data-controls]");
const controls = new Controls(place);
const gone = document.querySelector("[data-gone]");

follow({
  onSample() {
    if (document.querySelector("[data-pending]")) controls.refresh();
  },
  onNews: () => controls.refresh(),
  onReturn: () => controls.refresh(),
  onLost() {
    gone.hidden = false;
  },
});

if (document.querySelector("[data-asked]")) setTimeout(() => controls.refresh(), AFTER_A_LOOK);
setInterval(() => {
  if (document.visibilityState === "visible") controls.refresh();
}, EVERY);
