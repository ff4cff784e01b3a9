// The library: avatars, what is being learned, and avatars of others to bring.

import { api } from "../api.js";
import { el, fill } from "../dom.js";
import { dropZone } from "../drop_zone.js";
import { keepingFocus } from "../focus.js";
import { jobs } from "../jobs.js";
import { toast, trying } from "../messages.js";
import { nameOf } from "../names.js";
import { sending } from "../sending.js";
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
  const coming = el("div");
  const title = el("h1", { tabIndex: -1 }, "Avatars");
  const more = el("a", { class: "button primary", href: "#/new" }, "New avatar");
  fill(place, el("div", { class: "head" }, title, more), work.element, empty, grid, bring, coming);

  async function take(file) {
    const send = (request) => api.bring(file, nameOf(file) || "Avatar", request);
    const entry = await trying(() => sending(coming, file, send));
    if (!entry) return;
    toast(`${entry.name} is here.`);
    await refresh();
  }

  async function refresh() {
    const avatars = await trying(() => api.avatars());
    if (!avatars) {
      finished = null; // the next news asks again
      return;
    }
    empty.hidden = avatars.length > 0 || !work.element.hidden;
    more.hidden = !empty.hidden; // it has a larger button
    const cards = avatars.map((entry) => card(entry, refresh));
    keepingFocus(grid, () => fill(grid, cards), () => title);
  }

  /** Another tab may have renamed or deleted one. */
  const lookAgain = () => document.hidden || finished === null || refresh();

  let finished = null;
  document.addEventListener("visibilitychange", lookAgain);
  const stop = jobs.listen((all) => {
    const learning = all.filter((job) => job.kind === "learn");
    work.show(learning.filter((job) => job.state !== "done"));
    const ended = learning.filter((job) => job.state === "done").map((job) => job.id).join();
    if (ended === finished) return;
    finished = ended;
    refresh();
  });
  return () => {
    stop();
    document.removeEventListener("visibilitychange", lookAgain);
  };
}

const firstAvatar = () =>
  el("section", { class: "hero", hidden: true },
    el("h2", {}, "Make your first avatar"),
    el("p", {}, "Look into the camera and read a short text aloud. Some minutes later it talks: "
      + "what you type, what you play to it, and what you say."),
    el("a", { class: "button primary large", href: "#/new" }, "Record yourself"));
