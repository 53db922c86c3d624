// How numbers read. servers/templatetags/units.py writes the same numbers the same way.

const NO_BREAK = "\u00a0";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** The formats in the language of `words`, which units.unit_words() made. */
export function formats(words) {
  const digits = (value, decimals) => {
    const scale = 10 ** decimals;
    const rounded = Math.floor(value * scale + 0.5) / scale;
    return rounded.toFixed(decimals).replace(".", words.decimal);
  };

  const decimalsOf = (value) => (value < 99.95 ? 1 : 0);

  const scaled = (value, base, units) => {
    let index = 0;
    while (index < units.length - 1 && value + 0.5 >= base) {
      value /= base;
      index += 1;
    }
    return [value, index];
  };

  const quantity = (bytes, base, units) => {
    const [value, index] = scaled(bytes, base, units);
    return digits(value, index === 0 ? 0 : decimalsOf(value)) + NO_BREAK + units[index];
  };

  const withUnit = (number, unit) => `${number}${NO_BREAK}${unit}`;

  const percent = (fraction) => {
    if (fraction === null) return "";
    const value = fraction * 100;
    return `${digits(value, value < 9.95 ? 1 : 0)}${NO_BREAK}%`;
  };

  const size = (bytes) => (bytes === null ? "" : quantity(bytes, 1024, words.binary));

  const rate = (bytes) => (bytes === null ? "" : quantity(bytes, 1000, words.rates));

  const usedOf = (used, total) => {
    if (used === null) return "";
    if (total === null) return size(used);
    const [whole, index] = scaled(total, 1024, words.binary);
    const decimals = index === 0 ? 0 : decimalsOf(whole);
    const part = digits(used / 1024 ** index, decimals);
    return `${part} / ${digits(whole, decimals)}${NO_BREAK}${words.binary[index]}`;
  };

  const about = (seconds) => {
    const whole = Math.max(0, Math.trunc(seconds));
    if (whole >= DAY) return withUnit(Math.floor(whole / DAY), words.days);
    if (whole >= HOUR) return withUnit(Math.floor(whole / HOUR), words.hours);
    if (whole >= MINUTE) return withUnit(Math.floor(whole / MINUTE), words.minutes);
    return withUnit(whole, words.seconds);
  };

  const duration = (seconds) => {
    if (seconds === null) return "";
    const whole = Math.max(0, Math.trunc(seconds));
    if (whole >= DAY) {
      return `${about(whole)} ${withUnit(Math.floor((whole % DAY) / HOUR), words.hours)}`;
    }
    if (whole >= HOUR) {
      return `${about(whole)} ${withUnit(Math.floor((whole % HOUR) / MINUTE), words.minutes)}`;
    }
    return about(whole);
  };

  const stopwatch = (seconds) => {
    if (seconds === null || seconds < MINUTE || seconds >= HOUR) return duration(seconds);
    const whole = Math.trunc(seconds);
    const minutes = withUnit(Math.floor(whole / MINUTE), words.minutes);
    return `${minutes} ${withUnit(whole % MINUTE, words.seconds)}`;
  };

  const ago = (seconds) => {
    if (seconds === null) return "";
    return words.ago.replace("{duration}", () => about(seconds)).replaceAll(" ", NO_BREAK);
  };

  /** For axes, where 2.0 GiB is 2 GiB. */
  const short = (text) => text.replace(new RegExp(`\\${words.decimal}0(?=\\D|$)`), "");

  return { percent, size, rate, usedOf, about, duration, stopwatch, ago, short };
}
