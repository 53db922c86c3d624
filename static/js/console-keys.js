// Keys as X11 and the VNC protocol number them.

export const KEYS = {
  ctrl: [0xffe3, "ControlLeft"],
  alt: [0xffe9, "AltLeft"],
  super: [0xffeb, "MetaLeft"],
  shift: [0xffe1, "ShiftLeft"],
  Escape: [0xff1b, "Escape"],
  Tab: [0xff09, "Tab"],
  Enter: [0xff0d, "Enter"],
  Backspace: [0xff08, "Backspace"],
  PrintScreen: [0xff61, "PrintScreen"],
};
for (let number = 1; number <= 12; number += 1) {
  KEYS[`F${number}`] = [0xffbd + number, `F${number}`];
}

// Where a US keyboard wants Shift: a screen gets keys, not letters.
const SHIFTED = /[A-Z~!@#$%^&*()_+{}|:"<>?]/;
const LONE = { "\n": "Enter", "\t": "Tab", "\b": "Backspace" };

/** The number of the key that writes this letter. */
export function keysymOf(letter) {
  const point = letter.codePointAt(0);
  return point < 0x100 ? point : 0x01000000 + point;
}

/** What has to be pressed for a text: [{ keysym, code, shift }], a key for each letter. */
export function strokes(text) {
  return Array.from(text.replaceAll("\r\n", "\n").replaceAll("\r", "\n"), (letter) => {
    const name = LONE[letter];
    if (name) return { keysym: KEYS[name][0], code: KEYS[name][1], shift: false };
    return { keysym: keysymOf(letter), code: undefined, shift: SHIFTED.test(letter) };
  }).filter(({ keysym }) => keysym >= 0x20);
}

/** The way out of a screen that takes every key: F6 is what moves on to the next part of a page. */
export function isLeaving(event) {
  return event.ctrlKey && event.shiftKey && event.code === "F6";
}
