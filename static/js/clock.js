// One clock for a page: the server's time, one timer, and times in the reader's zone and language.

// The person's, not the browser's: what the server writes and what is written here agree.
const { lang, dataset } = document.documentElement;
const language = lang === "ru" ? "ru" : "en-GB";
export const timeZone = knownZone(dataset.timeZone);
const ahead = Number(document.documentElement.dataset.now) * 1000 - Date.now();

/** An older browser does not know the latest names: then it is UTC, and says so. */
function knownZone(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name || "UTC";
  } catch {
    return "UTC";
  }
}

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
  formats[key] ??= new Intl.DateTimeFormat(language, { hourCycle: "h23", timeZone, ...options });
  return formats[key];
}

const HOUR_MINUTE = { hour: "2-digit", minute: "2-digit" };

/** 14:03 today, 12 May, 14:03 on another day, with the year in another one. Unix seconds. */
export function timeText(at) {
  const [day, today] = [dayText(at), dayText(now())];
  const [year, thisYear] = [yearText(at), yearText(now())];
  if (year !== thisYear) return `${day} ${year}, ${clockText(at)}`;
  return day === today ? clockText(at) : `${day}, ${clockText(at)}`;
}

export function clockText(at) {
  return format(HOUR_MINUTE).format(new Date(at * 1000));
}

export function dayText(at) {
  return format({ day: "numeric", month: "short" }).format(new Date(at * 1000));
}

function yearText(at) {
  return format({ year: "numeric" }).formatToParts(new Date(at * 1000)).find(({ type }) => type === "year").value;
}

/** Fri, 12 May, 14:03:27, with the year in another one. */
export function exactText(at, hasYear = yearText(at) !== yearText(now())) {
  const time = new Date(at * 1000);
  const weekday = format({ weekday: "short" }).format(time);
  const year = hasYear ? ` ${yearText(at)}` : "";
  return `${weekday}, ${dayText(at)}${year}, ${format({ ...HOUR_MINUTE, second: "2-digit" }).format(time)}`;
}

/** Writes times anew whose `datetime` a module has changed, and those of a page that stood open. */
export function localise(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    const at = Date.parse(element.dateTime) / 1000;
    if (Number.isNaN(at)) continue;
    element.textContent = timeText(at);
    element.title = `${exactText(at, true)}, ${timeZone}`;
  }
}
