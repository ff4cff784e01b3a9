// Pictures of a head as it is learned: the newest, and how it came about.

import { api } from "../../api.js";
import { el, say } from "../../dom.js";

/** show: takes the job; finish: the address of the last picture. */
export function pictures(id) {
  const newest = el("img", {
    class: "preview", alt: "The newest picture of the head that is learned",
    width: 512, height: 512, hidden: true,
  });
  const none = el("p", { class: "none" });
  const strip = el("ol", { class: "strip", "aria-label": "How it came about" });
  let shown = 0;

  function show({ state, progress: { preview, kept } }) {
    say(none, state === "running" ? "The first picture comes in a moment." : "No picture yet.");
    if (preview && preview !== shown) {
      shown = preview;
      newest.src = api.preview(id, shown);
      newest.hidden = false;
      none.hidden = true;
    }
    for (const number of kept.slice(strip.children.length))
      strip.append(small(api.preview(id, number), strip.children.length + 1));
  }

  const element = el("div", {}, el("div", { class: "stage square" }, newest, none), strip);
  const finish = (address) => {
    newest.src = address;
    newest.hidden = false;
    none.hidden = true;
  };
  return { element, show, finish };
}

const small = (src, count) =>
  el("li", {}, el("img", { src, alt: `Picture ${count}`, width: 72, height: 72 }));
