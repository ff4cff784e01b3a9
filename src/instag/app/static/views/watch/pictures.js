// Pictures of a head as it is learned: the newest, and how it came about.

import { api } from "../../api.js";
import { el } from "../../dom.js";

/** show: takes the progress of the job; finish: the address of the last picture. */
export function pictures(id) {
  const newest = el("img", {
    class: "preview", alt: "The newest picture of the head that is learned",
    width: 512, height: 512, hidden: true,
  });
  const strip = el("ol", { class: "strip", "aria-label": "How it came about" });
  let shown = 0;

  function show({ preview, kept }) {
    if (preview && preview !== shown) {
      shown = preview;
      newest.src = api.preview(id, shown);
      newest.hidden = false;
    }
    for (const number of kept.slice(strip.children.length))
      strip.append(small(api.preview(id, number), strip.children.length + 1));
  }

  const element = el("div", {}, el("div", { class: "stage square" }, newest), strip);
  const finish = (address) => { newest.src = address; };
  return { element, show, finish };
}

const small = (src, count) =>
  el("li", {}, el("img", { src, alt: `Picture ${count}`, width: 72, height: 72 }));
