// Lines of the jobs that learn, or wait, or did not end well.

import { el, fill, say } from "../dom.js";
import { duration } from "../times.js";

const WORDS = {
  queued: "Waits", running: "Learning", failed: "Did not work", cancelled: "Stopped",
};

/** A section, hidden where there are none; show: takes the jobs. */
export function openJobs() {
  const element = el("section", { class: "work", "aria-label": "In work", hidden: true });
  const show = (open) => {
    element.hidden = open.length === 0;
    update(element, open);
  };
  return { element, show };
}

/** A line that stays is changed, not made anew. */
function update(section, open) {
  const known = new Map([...section.children].map((line) => [line.dataset.id, line]));
  const lines = open.map((job) => {
    const line = known.get(job.id) || newLine(job);
    describe(line, job);
    return line;
  });
  const isSame = lines.length === section.children.length
    && lines.every((line, at) => section.children[at] === line);
  if (!isSame) fill(section, lines);
}

function newLine(job) {
  const line = el("a", { class: "job", href: `#/job/${job.id}` },
    el("span", { class: "name", dir: "auto" }, job.name),
    el("span", { class: "sub" }),
    el("progress", { max: 1, "aria-label": `Progress of ${job.name}` }));
  line.dataset.id = job.id;
  return line;
}

function describe(line, job) {
  const [, state, bar] = line.children;
  const { share, left_s } = job.progress;
  const left = job.state === "running" && left_s !== null ? `, ${duration(left_s)} left` : "";
  say(state, WORDS[job.state] + left);
  bar.value = share;
  bar.hidden = job.state === "failed";
}
