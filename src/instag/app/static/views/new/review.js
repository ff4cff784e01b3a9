// The last step: what will be learned from, under which name, and how thoroughly.

import { api } from "../../api.js";
import { el, fill, say } from "../../dom.js";
import { toast, trying } from "../../messages.js";
import { MOST_LETTERS, nameOf } from "../../names.js";
import { keepSending, sending } from "../../sending.js";

const RECIPES = [
  ["draft", "Quick", "Some minutes on a laptop; pictures of 256 × 256"],
  ["few", "Thorough", "A quarter of an hour or more; pictures of 512 × 512, sharper"],
];

/** given: a file; without one, address: of a recording that the server has. kept: resolves to the
    identifier of a recording that the server has whole, or to nothing; forget: removes what it has
    of one. */
export function reviewStep(place, script, source) {
  const { given = null, address = null, spoken, kept = async () => "", forget } = source;
  const shown = address ?? URL.createObjectURL(given);
  const learn = el("button", { class: "primary large", type: "submit" }, "Learn this avatar");
  const coming = el("div");
  const name = nameField(spoken ? "" : nameOf(given));
  const form = el("form", { class: "side", onsubmit: submit },
    el("label", { for: "name" }, "Name"), name,
    el("fieldset", {}, el("legend", {}, "How thoroughly"), RECIPES.map(choice)),
    spoken ? agreed(script) : confirmation(script),
    el("div", { class: "row wrap" }, learn, another(source)),
    coming);
  fill(place,
    el("h1", {}, spoken ? "Your recording" : "Your video"),
    el("div", { class: "studio" }, film(shown), form));
  let sent = false, isSending = false, left = false;
  let safe = !given; // a recording that the server has is not lost with the page
  kept().then((recording) => { safe ||= Boolean(recording); });
  const guard = (event) => {
    if (isSending || (spoken && !sent && !safe)) event.preventDefault();
  };
  addEventListener("beforeunload", guard);

  async function submit(event) {
    event.preventDefault();
    say(learn, "Sending…");
    isSending = true;
    const job = await trying(send, learn);
    isSending = false;
    say(learn, "Learn this avatar");
    if (left) removeEventListener("beforeunload", guard);
    if (!job) return;
    sent = true;
    if (left) toast(`${job.name} will be learned.`);
    else location.hash = `#/job/${job.id}`;
  }

  async function send() {
    const recording = await kept();
    const about = {
      name: name.value,
      file: given?.name ?? "",
      recording,
      consent: spoken ? "spoken" : "confirmed",
      recipe: new FormData(form).get("recipe"),
    };
    if (recording) return api.learn(null, about);
    const job = await sending(coming, given, (request) => api.learn(given, about, request));
    if (job) await forget?.(); // the whole was sent in its place
    return job;
  }

  return () => {
    left = true;
    keepSending(place);
    if (!isSending) removeEventListener("beforeunload", guard);
    if (given) URL.revokeObjectURL(shown);
  };
}

function film(src) {
  const note = el("p", { class: "sub", role: "status" });
  const onerror = () => say(note, "This browser cannot show this file. If it is a video, it may be "
    + "learned from all the same.");
  const video = el("video", {
    src, onerror, controls: true, playsInline: true, "aria-label": "What will be learned from",
  });
  return el("div", {}, el("div", { class: "stage" }, video), note);
}

const nameField = (value) =>
  el("input", {
    id: "name", maxLength: MOST_LETTERS, autocomplete: "off", required: true, dir: "auto", value,
  });

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
