// The last step: what will be learned from, under which name, and how thoroughly.

import { api } from "../../api.js";
import { el, fill, say } from "../../dom.js";
import { trying } from "../../messages.js";

const RECIPES = [
  ["draft", "Quick", "Some minutes on a laptop; pictures of 256 × 256"],
  ["few", "Thorough", "A quarter of an hour or more; pictures of 512 × 512, sharper"],
];

/** given: a file; without one, address: of a recording that the server has. kept: resolves to the
    identifier of a recording that the server has whole, or to nothing. */
export function reviewStep(place, script, source) {
  const { given = null, address = null, spoken, kept = async () => "" } = source;
  const shown = address ?? URL.createObjectURL(given);
  const learn = el("button", { class: "primary large", type: "submit" }, "Learn this avatar");
  const name = nameField(spoken ? "" : given.name.replace(/\.[^.]*$/, "").slice(0, 80));
  const form = el("form", { class: "side", onsubmit: submit },
    el("label", { for: "name" }, "Name"), name,
    el("fieldset", {}, el("legend", {}, "How thoroughly"), RECIPES.map(choice)),
    spoken ? agreed(script) : confirmation(script),
    el("div", { class: "row" }, learn, another(source)));
  const label = "What will be learned from";
  const video = el("video", {
    src: shown, controls: true, playsInline: true, "aria-label": label,
  });
  fill(place,
    el("h1", {}, spoken ? "Your recording" : "Your video"),
    el("div", { class: "studio" }, el("div", { class: "stage" }, video), form));
  let sent = false;
  let safe = !given; // a recording that the server has is not lost with the page
  kept().then((recording) => { safe ||= Boolean(recording); });
  const guard = (event) => { if (spoken && !sent && !safe) event.preventDefault(); };
  addEventListener("beforeunload", guard);

  async function submit(event) {
    event.preventDefault();
    say(learn, "Sending…");
    const recording = await kept();
    const job = await trying(() => api.learn(recording ? null : given, {
      name: name.value,
      file: given?.name ?? "",
      recording,
      consent: spoken ? "spoken" : "confirmed",
      recipe: new FormData(form).get("recipe"),
    }), learn);
    say(learn, "Learn this avatar");
    if (!job) return;
    sent = true;
    location.hash = `#/job/${job.id}`;
  }

  return () => {
    removeEventListener("beforeunload", guard);
    if (given) URL.revokeObjectURL(shown);
  };
}

const nameField = (value) =>
  el("input", { id: "name", maxLength: 80, autocomplete: "off", required: true, value });

const choice = ([value, title, text], number) =>
  el("label", { class: "choice" },
    el("input", { type: "radio", name: "recipe", value, checked: number === 0 }),
    el("span", {}, el("strong", {}, title), el("span", { class: "sub" }, text)));

const agreed = (script) =>
  el("p", { class: "sub" }, `You agreed: “${script.consent}” The recording stays on this machine;`
    + " its fingerprint (SHA-256) goes into the avatar.");

const confirmation = (script) =>
  el("label", { class: "choice", for: "agreed" },
    el("input", { type: "checkbox", id: "agreed", required: true }),
    el("span", {}, script.confirmed));

function another({ again, begin }) {
  const button = (words, onclick) =>
    el("button", { class: "quiet", type: "button", onclick }, words);
  if (!again) return button("Choose another", begin);
  return button("Record again", (event) => trying(again, event.target));
}
