// A server's screen: noVNC over a channel of the panel.
//
// Events: "connected", "refused" where the password was not the right one.

import RFB from "../vendor/@novnc/novnc/core/rfb.js";
import { KEYS, strokes } from "./console-keys.js";

// Slower than a guest's keyboard buffer fills, and still some thirty letters a second.
const BETWEEN_KEYS = 30;

export class Screen extends EventTarget {
  constructor({ target, channel, password, label }) {
    super();
    this.held = new Set();
    this.typing = null;
    this.isOver = false;
    const rfb = new RFB(target, channel, { credentials: { password } });
    this.rfb = rfb;
    rfb.scaleViewport = true;
    rfb.background = "transparent";
    rfb.addEventListener("connect", () => {
      const canvas = target.querySelector("canvas");
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "application");
      canvas.setAttribute("aria-label", label);
      rfb.focus();
      this.dispatchEvent(new CustomEvent("connected"));
    });
    rfb.addEventListener("disconnect", () => {
      this.isOver = true;
    });
    for (const type of ["credentialsrequired", "securityfailure"]) {
      rfb.addEventListener(type, () => this.dispatchEvent(new CustomEvent("refused")));
    }
  }

  set isFitted(isFitted) {
    this.rfb.scaleViewport = isFitted;
  }

  focus() {
    this.rfb.focus();
  }

  press(name) {
    const [keysym, code] = KEYS[name];
    this.rfb.sendKey(keysym, code);
  }

  pressCtrlAltDel() {
    this.rfb.sendCtrlAltDel();
  }

  hold(name, isHeld) {
    const [keysym, code] = KEYS[name];
    this.rfb.sendKey(keysym, code, isHeld);
    if (isHeld) this.held.add(name);
    else this.held.delete(name);
  }

  /** Gives the keyboard back to the page; what was pressed to say so is let go of. */
  leave() {
    for (const name of ["ctrl", "shift"]) this.rfb.sendKey(...KEYS[name], false);
    this.rfb.blur();
  }

  write(text) {
    for (const stroke of strokes(text)) this.strike(stroke);
  }

  /** Types a text at a pace; `tell` hears how far it is. False where it was broken off. */
  async type(text, tell) {
    const wanted = strokes(text);
    const typing = Symbol("typing");
    this.typing = typing;
    for (const [index, stroke] of wanted.entries()) {
      if (this.typing !== typing) return false;
      this.strike(stroke);
      tell(index + 1, wanted.length);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_KEYS));
    }
    return true;
  }

  strike({ keysym, code, shift }) {
    if (shift) this.rfb.sendKey(...KEYS.shift, true);
    this.rfb.sendKey(keysym, code);
    if (shift) this.rfb.sendKey(...KEYS.shift, false);
  }

  close() {
    this.typing = null;
    if (!this.isOver) this.rfb.disconnect();
  }
}
