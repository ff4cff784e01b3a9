// Watch: a head as it is learned.

import { api, jobs } from "../api.js";
import { ask, duration, el, fill, say, trying } from "../dom.js";

const STAGES = [
  ["observe", "Looking through the video"], ["face", "Learning the face"], ["mouth", "Learning the mouth"],
  ["fuse", "Matching colours"], ["finish", "Finishing"],
];

export async function watchView(place, id) {
  await jobs.refresh();
  const title = el("h1"), status = el("p", { class: "lead", role: "status" });
  const picture = el("img", { class: "preview", alt: "The newest picture of the head that is learned", width: 512, height: 512, hidden: true });
  const strip = el("ol", { class: "strip", "aria-label": "How it came about" });
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const left = el("p", { class: "left" });
  const stages = el("ol", { class: "stages" }, STAGES.map(([stage, words]) => el("li", { "data-stage": stage }, words)));
  const notes = el("ul", { class: "notes", "aria-label": "About the video", hidden: true });
  const buttons = el("div", { class: "row" });
  fill(place, title,
    el("div", { class: "studio" },
      el("div", {}, el("div", { class: "stage square" }, picture), strip),
      el("div", { class: "side" }, status, bar, left, stages, buttons, notes)));
  say(title, "Learning");
  let shown = 0, state = "";

  return jobs.listen((all) => {
    const job = all.find((each) => each.id === id);
    if (!job) {
      fill(place, el("h1", {}, "This job is not here"), el("p", {}, "It may have been removed."),
        el("a", { class: "button", href: "#/" }, "All avatars"));
      return;
    }
    const { progress } = job;
    say(title, job.state === "done" ? `${job.name} is ready` : `Learning ${job.name}`);
    say(status, words(job));
    status.classList.toggle("warn", job.state === "failed");
    bar.value = job.state === "done" ? 1 : progress.share;
    bar.hidden = job.state === "failed";
    say(left, job.state === "running"
      ? `${Math.round(100 * progress.share)} %${progress.left_s === null ? "" : `, ${duration(progress.left_s)} left in all`}`
      : "");
    mark(stages, job);
    if (progress.preview !== shown && progress.preview) {
      shown = progress.preview;
      picture.src = api.preview(id, shown);
      picture.hidden = false;
    }
    while (strip.children.length < progress.kept.length) {
      const number = progress.kept[strip.children.length];
      strip.append(el("li", {}, el("img", { src: api.preview(id, number), alt: `Picture ${strip.children.length + 1}`, width: 72, height: 72 })));
    }
    notes.hidden = progress.notes.length === 0;
    if (progress.notes.length !== notes.children.length) fill(notes, progress.notes.map((note) => el("li", {}, note)));
    if (job.state !== state) {
      state = job.state;
      if (state === "done") picture.src = api.picture(id);
      fill(buttons, choices(job));
    }
  });
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

function mark(stages, job) {
  const at = STAGES.findIndex(([stage]) => stage === job.progress.stage);
  [...stages.children].forEach((line, number) => {
    const now = job.state === "running" && number === at;
    line.className = job.state === "done" || number < at ? "past" : number === at ? "now" : "ahead";
    if (now) line.setAttribute("aria-current", "step");
    else line.removeAttribute("aria-current");
  });
}

function choices(job) {
  const button = (words, kind, work) => el("button", { class: kind, onclick: (event) => trying(work, event.currentTarget) }, words);
  if (job.state === "done") return [el("a", { class: "button primary large", href: `#/talk/${job.id}` }, `Talk with ${job.name}`)];
  if (job.state === "queued" || job.state === "running") return [button("Stop", "", () => api.cancel(job.id))];
  return [
    button(job.state === "failed" ? "Try again" : "Go on", "primary", () => api.resume(job.id)),
    el("a", { class: "button quiet", href: "#/new" }, "Record anew"),
    button("Delete", "quiet", async () => {
      if (!(await ask("Delete this recording?", { text: "The recording and what was learned of it are deleted.", yes: "Delete", danger: true }))) return;
      await api.removeJob(job.id);
      location.hash = "#/";
    }),
  ];
}
