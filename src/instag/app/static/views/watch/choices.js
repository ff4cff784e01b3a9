// What can be done with a job that learns, by its state.

import { api } from "../../api.js";
import { ask } from "../../ask.js";
import { el } from "../../dom.js";
import { trying } from "../../messages.js";

export function choices(job) {
  if (job.state === "done") return [talk(job)];
  if (job.state === "queued" || job.state === "running")
    return [button("Stop", "", () => api.cancel(job.id))];
  return [
    button(job.state === "failed" ? "Try again" : "Go on", "primary", () => api.resume(job.id)),
    el("a", { class: "button quiet", href: "#/new" }, "Record anew"),
    button("Delete", "quiet", () => remove(job)),
  ];
}

const button = (words, kind, work) =>
  el("button", { class: kind, onclick: (event) => trying(work, event.currentTarget) }, words);

const talk = (job) =>
  el("a", { class: "button primary large", href: `#/talk/${job.id}` }, `Talk with ${job.name}`);

async function remove(job) {
  const text = "The recording and what was learned of it are deleted.";
  const sure = await ask("Delete this recording?", { text, yes: "Delete", danger: true });
  if (!sure) return;
  await api.removeJob(job.id);
  location.hash = "#/";
}
