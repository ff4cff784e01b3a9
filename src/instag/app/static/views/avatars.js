// The library: avatars, what is being learned, and avatars of others to bring.

import { api } from "../api.js";
import { el, fill } from "../dom.js";
import { dropZone } from "../drop_zone.js";
import { jobs } from "../jobs.js";
import { toast, trying } from "../messages.js";
import { card } from "./avatar_card.js";
import { openJobs } from "./open_jobs.js";

export async function avatarsView(place) {
  const work = openJobs();
  const grid = el("ul", { class: "grid" });
  const empty = firstAvatar();
  const bring = dropZone({
    id: "bring", accept: ".avatar", title: "Bring an avatar",
    hint: "Drop an .avatar file here, or choose one.", onfile: take,
  });
  fill(place, head(), work.element, empty, grid, bring);

  async function take(file) {
    const name = file.name.replace(/\.avatar$/i, "") || "Avatar";
    const entry = await trying(() => api.bring(file, name));
    if (!entry) return;
    toast(`${entry.name} is here.`);
    await refresh();
  }

  async function refresh() {
    const avatars = await trying(() => api.avatars());
    if (!avatars) return;
    empty.hidden = avatars.length > 0 || !work.element.hidden;
    fill(grid, avatars.map((entry) => card(entry, refresh)));
  }

  let finished = null;
  return jobs.listen((all) => {
    const learning = all.filter((job) => job.kind === "learn");
    work.show(learning.filter((job) => job.state !== "done"));
    const ended = learning.filter((job) => job.state === "done").map((job) => job.id).join();
    if (ended === finished) return;
    finished = ended;
    refresh();
  });
}

const head = () =>
  el("div", { class: "head" },
    el("h1", {}, "Avatars"), el("a", { class: "button primary", href: "#/new" }, "New avatar"));

const firstAvatar = () =>
  el("section", { class: "hero" },
    el("h2", {}, "Make your first avatar"),
    el("p", {}, "Look into the camera and read a short text aloud. Some minutes later it talks: "
      + "what you type, what you play to it, and what you say."),
    el("a", { class: "button primary large", href: "#/new" }, "Record yourself"));
