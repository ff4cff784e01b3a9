// A dialog that asks before something is done.

import { el } from "./dom.js";
import { MOST_LETTERS } from "./names.js";

/** Asks; resolves to the text, or true, or null where it was closed. */
export function ask(title, { text = "", value = null, label = "", yes = "OK", danger } = {}) {
  const input = value === null ? null : field(value);
  const dialog = el("dialog", { "aria-labelledby": "ask-title" },
    el("form", { method: "dialog" },
      el("h2", { id: "ask-title" }, title),
      text ? el("p", {}, text) : null,
      input ? el("label", { for: "ask-input" }, label) : null,
      input,
      buttons(yes, danger)));
  document.body.append(dialog);
  dialog.showModal();
  if (input) answerWithEnter(input, dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? (input ? input.value : true) : null);
    });
  });
}

const field = (value) =>
  el("input", {
    value, maxLength: MOST_LETTERS, id: "ask-input", autocomplete: "off", dir: "auto",
  });

function buttons(yes, danger) {
  const no = { value: "no", type: "submit", class: "quiet", formNoValidate: true };
  return el("div", { class: "row end" },
    el("button", no, "Cancel"),
    el("button", { value: "yes", type: "submit", class: danger ? "danger" : "primary" }, yes));
}

function answerWithEnter(input, dialog) {
  input.select();
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return; // it ends a syllable, too
    event.preventDefault();
    dialog.close("yes");
  });
}
