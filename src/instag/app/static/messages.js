// Messages that come and go: what was done, and what went wrong.

import { el } from "./dom.js";

const SHOWN_MS = 5000, ERROR_SHOWN_MS = 12000;

/** A message that goes away by itself; errors stay longer. */
export function toast(text, kind = "note") {
  const wrong = kind === "error";
  const box = el("p", { class: `toast ${kind}`, role: wrong ? "alert" : null }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), wrong ? ERROR_SHOWN_MS : SHOWN_MS);
}

/** Run something that may fail; its sentence is shown. Returns undefined where it failed. */
export async function trying(work, button = null) {
  const wasFocused = button !== null && document.activeElement === button;
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    toast(error.message, "error");
    return undefined;
  } finally {
    if (button) button.disabled = false;
    if (wasFocused && document.activeElement === document.body) button.focus();
  }
}

/** The same; returns whether it worked. */
export async function worked(work, button = null) {
  return (await trying(async () => { await work(); return true; }, button)) === true;
}
