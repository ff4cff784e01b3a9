// The stages of learning, and which of them runs.

import { el } from "../../dom.js";

const STAGES = [
  ["observe", "Looking through the video"],
  ["face", "Learning the face"],
  ["mouth", "Learning the mouth"],
  ["fuse", "Matching colours"],
  ["finish", "Finishing"],
];

/** A list; show: takes the job. */
export function stageList() {
  const lines = STAGES.map(([stage, words]) => el("li", { "data-stage": stage }, words));
  const show = (job) => {
    const found = STAGES.findIndex(([stage]) => stage === job.progress.stage);
    const at = job.state === "running" ? Math.max(found, 0) : found; // it may have told none yet
    lines.forEach((line, number) => mark(line, number - at, job.state));
  };
  return { element: el("ol", { class: "stages" }, lines), show };
}

/** later: by how many stages it comes after the one of the job. */
function mark(line, later, state) {
  if (state === "done" || later < 0) line.className = "past";
  else line.className = later === 0 ? "now" : "ahead";
  if (state === "running" && later === 0) line.setAttribute("aria-current", "step");
  else line.removeAttribute("aria-current");
}
