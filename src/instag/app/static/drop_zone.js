// A field that takes a file by choosing or dropping it.

import { el } from "./dom.js";

export function dropZone({ id, title, hint, accept, onfile }) {
  const chosen = () => take(input.files);
  const input = el("input", { type: "file", id, accept, class: "hidden-input", onchange: chosen });
  const zone = el("label", { class: "drop", for: id },
    el("strong", {}, title), el("span", {}, hint));
  const take = (files) => {
    if (files.length) onfile(files[0]);
    input.value = "";
  };
  const hover = (over) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", over);
  };
  for (const name of ["dragenter", "dragover"]) zone.addEventListener(name, hover(true));
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, hover(false));
  zone.addEventListener("drop", (event) => take(event.dataTransfer.files));
  return el("div", { class: "drop-wrap" }, input, zone);
}
