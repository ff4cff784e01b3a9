// The library: avatars, what is being learned, and avatars of others to bring.

import { api, jobs } from "../api.js";
import { ask, dropZone, duration, el, fill, say, toast, trying, when } from "../dom.js";

export async function avatarsView(place) {
  const work = el("section", { class: "work", "aria-label": "In work", hidden: true });
  const grid = el("ul", { class: "grid" });
  const empty = el("section", { class: "hero" },
    el("h2", {}, "Make your first avatar"),
    el("p", {}, "Look into the camera and read a short text aloud. Some minutes later it talks: what you type, what you play to it, and what you say."),
    el("a", { class: "button primary large", href: "#/new" }, "Record yourself"));
  const bring = dropZone({
    id: "bring", accept: ".avatar", title: "Bring an avatar",
    hint: "Drop an .avatar file here, or choose one.", onfile: take,
  });
  fill(place,
    el("div", { class: "head" }, el("h1", {}, "Avatars"), el("a", { class: "button primary", href: "#/new" }, "New avatar")),
    work, empty, grid, bring);

  async function take(file) {
    const entry = await trying(() => api.bring(file, file.name.replace(/\.avatar$/i, "") || "Avatar"));
    if (entry) {
      toast(`${entry.name} is here.`);
      await refresh();
    }
  }

  async function refresh() {
    const avatars = await trying(() => api.avatars());
    if (!avatars) return;
    empty.hidden = avatars.length > 0 || !work.hidden;
    fill(grid, avatars.map((entry) => card(entry, refresh)));
  }

  let done = null;
  const stop = jobs.listen((all) => {
    const learning = all.filter((job) => job.kind === "learn");
    const open = learning.filter((job) => job.state !== "done");
    work.hidden = open.length === 0;
    update(work, open);
    const finished = learning.filter((job) => job.state === "done").map((job) => job.id).join();
    if (finished !== done) {
      done = finished;
      refresh();
    }
  });
  return stop;
}

function card(entry, refresh) {
  const rename = async () => {
    const name = await ask("Rename", { value: entry.name, label: "Name", yes: "Rename" });
    if (name !== null && (await trying(() => api.rename(entry.id, name)))) refresh();
  };
  const remove = async () => {
    const sure = await ask(`Delete ${entry.name}?`, {
      text: "The avatar and the recording that it was learned from are deleted from this machine. Videos that it spoke stay.",
      yes: "Delete", danger: true,
    });
    if (sure && (await trying(async () => { await api.remove(entry.id); return true; }))) refresh();
  };
  return el("li", { class: "card" },
    el("a", { class: "portrait", href: `#/talk/${entry.id}` },
      el("img", { src: api.picture(entry.id), alt: "", width: 384, height: 384, loading: "lazy" }),
      el("span", { class: "name" }, entry.name),
      el("span", { class: "sub" }, when(entry.made))),
    el("div", { class: "row tools" },
      el("button", { class: "quiet small", onclick: rename, "aria-label": `Rename ${entry.name}` }, "Rename"),
      el("a", { class: "button quiet small", href: api.file(entry.id), download: "", "aria-label": `Export ${entry.name}` }, "Export"),
      el("button", { class: "quiet small", onclick: remove, "aria-label": `Delete ${entry.name}` }, "Delete")));
}

const WORDS = { queued: "Waits", running: "Learning", failed: "Did not work", cancelled: "Stopped" };

/** Lines of jobs; a line that stays is changed, not made anew. */
function update(work, open) {
  const lines = new Map([...work.children].map((line) => [line.dataset.id, line]));
  const now = open.map((job) => {
    const line = lines.get(job.id) || el("a", { class: "job", href: `#/job/${job.id}` },
      el("span", { class: "name" }, job.name), el("span", { class: "sub" }),
      el("progress", { max: 1, "aria-label": `Progress of ${job.name}` }));
    line.dataset.id = job.id;
    const left = job.state === "running" && job.progress.left_s !== null ? `, ${duration(job.progress.left_s)} left` : "";
    say(line.children[1], WORDS[job.state] + left);
    line.children[2].value = job.progress.share;
    line.children[2].hidden = job.state === "failed";
    return line;
  });
  if (now.length !== work.children.length || now.some((line, at) => work.children[at] !== line)) fill(work, now);
}
