// Messages that come and go: what was done, and what went wrong.

import { el } from "./dom.js";

const SHOWN_MS = 5000, LOOK_AGAIN_MS = 1000;
const AT_IT = ":hover, :focus-within";
const notes = document.getElementById("notes"), errors = document.getElementById("errors");

/** A message that can be dismissed. A note goes by itself, once nobody is at it; an error stays
    until another view is shown. */
export function toast(text, kind = "note") {
  const wrong = kind === "error";
  const place = wrong ? errors : notes;
  [...place.children].find((each) => each.firstChild.textContent === text)?.remove();
  const close = { class: "close", "aria-label": "Dismiss", onclick: () => dismiss(box) };
  const box = el("div", { class: `toast ${kind}` },
    el("p", { dir: "auto" }, text), el("button", close, "✕"));
  place.append(box);
  if (!wrong) goLater(box, SHOWN_MS);
}

/** Another view is shown: what went wrong in the one before is history. */
export const forgetErrors = () => errors.replaceChildren();

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

function goLater(box, milliseconds) {
  const look = () => (box.matches(AT_IT) ? goLater(box, LOOK_AGAIN_MS) : box.remove());
  setTimeout(look, milliseconds);
}

/** Whoever dismisses it by keys is at the next one then, or at the view. */
function dismiss(box) {
  const hadFocus = box.contains(document.activeElement);
  box.remove();
  if (hadFocus) (newest()?.querySelector("button") ?? document.getElementById("main")).focus();
}

const newest = () => errors.lastElementChild ?? notes.lastElementChild;

addEventListener("keydown", ({ key, isComposing }) => {
  if (key !== "Escape" || isComposing || document.querySelector("dialog[open]")) return;
  const box = newest();
  if (box) dismiss(box);
});
