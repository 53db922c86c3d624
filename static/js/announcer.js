// Tells a screen reader of changed states and of actions, and of nothing else: numbers change all
// the time.

import { fill, words } from "./words.js";

const GATHERING = 1000;
const MOST_BY_NAME = 4;

const element = document.querySelector("[data-announcer]");
let changed = new Map();
let sentences = [];
let timer = null;

export function announce(name, status) {
  changed.set(name, words.statuses[status] ?? status);
  timer ??= setTimeout(speak, GATHERING);
}

/** A whole sentence. */
export function say(sentence) {
  sentences.push(sentence);
  timer ??= setTimeout(speak, GATHERING);
}

function speak() {
  const list = [...changed];
  const states =
    list.length > MOST_BY_NAME
      ? [fill(words.manyChanged, { count: list.length })]
      : list.map(([name, status]) => fill(words.changed, { name, status }));
  element.textContent = [...states, ...sentences].join(". ");
  changed = new Map();
  sentences = [];
  timer = null;
}
