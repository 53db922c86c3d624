// One clock for a page: the server's time, one timer, and times in the reader's zone and language.

const language = document.documentElement.lang || "en";
const ahead = Number(document.documentElement.dataset.now) * 1000 - Date.now();

/** Unix seconds as the server counts them; a wrong clock here makes no number look old. */
export function now() {
  return (Date.now() + ahead) / 1000;
}

const listeners = new Set();
let timer = null;

export function everySecond(listener) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each(now());
  }, 1000);
}

const formats = {};

function format(options) {
  const key = JSON.stringify(options);
  formats[key] ??= new Intl.DateTimeFormat(language, { hourCycle: "h23", ...options });
  return formats[key];
}

const HOUR_MINUTE = { hour: "2-digit", minute: "2-digit" };

/** 14:03 today, 12 May, 14:03 on another day. Unix seconds. */
export function timeText(at) {
  const day = new Date(at * 1000);
  const isToday = day.toDateString() === new Date(now() * 1000).toDateString();
  return format(isToday ? HOUR_MINUTE : { day: "numeric", month: "short", ...HOUR_MINUTE }).format(day);
}

export function clockText(at) {
  return format(HOUR_MINUTE).format(new Date(at * 1000));
}

export function dayText(at) {
  return format({ day: "numeric", month: "short" }).format(new Date(at * 1000));
}

export function exactText(at) {
  return format({
    weekday: "short",
    day: "numeric",
    month: "short",
    ...HOUR_MINUTE,
    second: "2-digit",
  }).format(new Date(at * 1000));
}

/** Writes the times that the server wrote in UTC in the reader's own zone. */
export function localise(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    const at = Date.parse(element.dateTime) / 1000;
    if (Number.isNaN(at)) continue;
    element.textContent = timeText(at);
    element.title = exactText(at);
  }
}
