// Watch: a head as it is learned.

import { api } from "../api.js";
import { el, fill, say } from "../dom.js";
import { keepingFocus } from "../focus.js";
import { jobs } from "../jobs.js";
import { duration } from "../times.js";
import { choices } from "./watch/choices.js";
import { pictures } from "./watch/pictures.js";
import { stageList } from "./watch/stage_list.js";

export async function watchView(place, id) {
  await jobs.refresh();
  const title = el("h1", {}, "Learning");
  const status = el("p", { class: "lead", role: "status" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const left = el("p", { class: "left" });
  const notes = el("ul", { class: "notes", "aria-label": "About the video", hidden: true });
  const buttons = el("div", { class: "row wrap" });
  const seen = pictures(id), stages = stageList();
  fill(place, title,
    el("div", { class: "studio" },
      seen.element,
      el("div", { class: "side" }, status, bar, left, stages.element, buttons, notes)));
  let state = "";

  return jobs.listen((all) => {
    const job = all.find((each) => each.id === id && each.kind === "learn");
    if (!job) {
      fill(place, notHere());
      return;
    }
    const { progress } = job;
    say(title, heading(job));
    say(status, words(job));
    status.classList.toggle("warn", job.state === "failed");
    bar.value = progress.share;
    bar.hidden = job.state === "failed" || job.state === "done";
    stages.element.hidden = job.state === "done";
    say(left, job.state === "running" ? leftOf(progress) : "");
    stages.show(job);
    seen.show(job);
    notes.hidden = progress.notes.length === 0;
    if (progress.notes.length !== notes.children.length)
      fill(notes, progress.notes.map((note) => el("li", {}, note)));
    if (job.state === state) return;
    state = job.state;
    if (state === "done") seen.finish(api.picture(id));
    keepingFocus(buttons, () => fill(buttons, choices(job)), () => buttons.firstElementChild);
  });
}

const notHere = () => [
  el("h1", {}, "This job is not here"),
  el("p", {}, "It may have been removed."),
  el("a", { class: "button", href: "#/" }, "All avatars"),
];

function heading({ state, name }) {
  if (state === "done") return `${name} is ready`;
  return state === "failed" ? `${name} was not learned` : `Learning ${name}`;
}

function leftOf({ share, left_s }) {
  const left = left_s === null ? "" : `, ${duration(left_s)} left in all`;
  return `${Math.min(99, Math.floor(100 * share))} %${left}`; // the end is another state
}

function words(job) {
  switch (job.state) {
    case "queued":
      return job.ahead ? `It waits: ${job.ahead} before it.` : "It begins in a moment.";
    case "running":
      return "You may close this page: the work goes on, and you find it here again.";
    case "done":
      return "It can talk now.";
    case "cancelled":
      return "Stopped. What was done is kept: it can go on from there.";
    default:
      return job.error;
  }
}
