// A server's text console: xterm.js, speaking Proxmox's terminal protocol over a channel of the
// panel. Input is `0:LENGTH:data`, a size `1:COLUMNS:ROWS:`, a sign of life `2`.

import { FitAddon } from "../vendor/@xterm/addon-fit/addon-fit.mjs";
import { Terminal as Xterm } from "../vendor/@xterm/xterm/lib/xterm.mjs";
import { isLeaving } from "./console-keys.js";

const ALIVE_EVERY = 30_000;
const ERASE = "\x7f";

export class Terminal {
  constructor({ target, channel, label }) {
    this.channel = channel;
    this.encoder = new TextEncoder();
    const style = getComputedStyle(document.documentElement);
    const xterm = new Xterm({
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: style.getPropertyValue("--font-mono"),
      fontSize: 14,
      scrollback: 5000,
      theme: { background: "#101216", foreground: "#e8ecf2" },
    });
    this.xterm = xterm;
    this.fitting = new FitAddon();
    xterm.loadAddon(this.fitting);
    xterm.open(target);
    xterm.textarea.setAttribute("aria-label", label);
    channel.onmessage = ({ data }) => xterm.write(new Uint8Array(data));
    xterm.onData((text) => this.send(this.encoder.encode(text)));
    xterm.onBinary((text) => this.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    xterm.onResize(({ cols, rows }) => channel.send(this.encoder.encode(`1:${cols}:${rows}:`)));
    xterm.attachCustomKeyEventHandler((event) => !isLeaving(event));
    this.watching = new ResizeObserver(() => this.fitting.fit());
    this.watching.observe(target);
    this.fitting.fit();
    channel.send(this.encoder.encode(`1:${xterm.cols}:${xterm.rows}:`));
    this.living = setInterval(() => channel.send(this.encoder.encode("2")), ALIVE_EVERY);
    xterm.focus();
  }

  send(bytes) {
    const head = this.encoder.encode(`0:${bytes.length}:`);
    const frame = new Uint8Array(head.length + bytes.length);
    frame.set(head);
    frame.set(bytes, head.length);
    this.channel.send(frame);
  }

  focus() {
    this.xterm.focus();
  }

  leave() {
    this.xterm.blur();
  }

  write(text) {
    this.send(this.encoder.encode(text.replaceAll("\n", "\r").replaceAll("\b", ERASE)));
  }

  async type(text) {
    this.xterm.paste(text);
    return true;
  }

  close() {
    clearInterval(this.living);
    this.watching.disconnect();
    this.channel.close();
    this.xterm.dispose();
  }
}
