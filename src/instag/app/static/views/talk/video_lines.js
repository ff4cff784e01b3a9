// A line of a video, and of one that is being made.

import { api } from "../../api.js";
import { ask } from "../../ask.js";
import { el } from "../../dom.js";
import { trying } from "../../messages.js";
import { clock, when } from "../../times.js";

const MOST_LETTERS = 60;
const NOT_IN_FILES = /[^\p{L}\p{N} _-]/gu;

export function jobLine(job) {
  const ended = job.state === "failed" || job.state === "cancelled";
  const remove = () => trying(() => (ended ? api.removeJob(job.id) : api.cancel(job.id)));
  return el("li", { "data-id": job.id },
    el("p", { dir: "auto" }, job.said),
    ended ? el("p", { class: "warn" }, job.error || "Stopped.") : bar(job),
    el("button", { class: "quiet small", onclick: remove, "data-key": job.id },
      ended ? "Remove" : "Stop"));
}

const bar = (job) =>
  el("progress", {
    max: 1, value: job.progress.share, "aria-label": `Progress of the video “${job.said}”`,
  });

/** remove: called with the entry once that is agreed to. */
export function videoLine(entry, avatar, remove) {
  const src = api.video(entry.id);
  const onclick = async () => {
    const question = { text: entry.said, yes: "Delete", danger: true };
    if (await ask("Delete this video?", question)) await remove(entry);
  };
  const video = el("video", {
    src, poster: api.picture(avatar.id), controls: true, playsInline: true, preload: "metadata",
    "aria-label": `Video: ${entry.said}`,
  });
  const file = { class: "button small", href: src, download: fileName(avatar, entry) };
  return el("li", {},
    video,
    el("div", {},
      el("p", { dir: "auto" }, entry.said),
      el("p", { class: "sub" }, `${clock(entry.seconds)} · ${when(entry.made)}`),
      el("div", { class: "row wrap" },
        el("a", file, "Download"),
        el("button", { class: "quiet small", onclick, "data-key": entry.id }, "Delete"))));
}

function fileName(avatar, entry) {
  const name = `${avatar.name} ${entry.said}`.replace(NOT_IN_FILES, "");
  return `${name.slice(0, MOST_LETTERS).trim()}.mp4`;
}
