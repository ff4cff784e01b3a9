// Videos of an avatar: to make from a text or a sound, to see, fetch and delete.

import { api } from "../../api.js";
import { el, fill } from "../../dom.js";
import { dropZone } from "../../drop_zone.js";
import { keepingFocus } from "../../focus.js";
import { trying, worked } from "../../messages.js";
import { sending } from "../../sending.js";
import { jobLine, videoLine } from "./video_lines.js";

const MOST_TEXT = 5000;

/** show: takes all jobs. */
export function videosPanel(avatar, voice) {
  const title = el("h2", { tabIndex: -1 }, "Videos");
  const list = videoList(avatar, title);
  const coming = el("div");
  const sound = dropZone({
    id: "video-sound", accept: "audio/*,video/*", title: "Speech in a file",
    hint: "Drop or choose any sound or video file.",
    onfile: take,
  });
  const element = el("section", { class: "panel" },
    title,
    el("p", { class: "sub" }, "As long as the speech, with sound, in full quality. Its metadata "
      + "say that it is synthetic."),
    el("div", { class: "two" }, textField(avatar, voice), sound),
    coming,
    list.element);

  function take(file) {
    const send = (request) => api.speak(avatar.id, file, file.name, request);
    return trying(() => sending(coming, file, send));
  }

  return { element, show: list.show };
}

function textField(avatar, voice) {
  if (voice.voice === null) return el("p", { class: "sub" }, voice.detail);
  const text = el("textarea", { id: "video-text", rows: 3, maxLength: MOST_TEXT, dir: "auto" });
  const button = el("button", { onclick }, "Make a video");

  async function onclick() {
    if (!text.value.trim()) text.focus();
    else if (await worked(() => api.speakText(avatar.id, text.value), button)) text.value = "";
  }

  return el("div", {}, el("label", { for: "video-text" }, "Text"), text, button);
}

/** title: where the focus goes once its line is gone. */
function videoList(avatar, title) {
  const element = el("ul", { class: "videos" });
  let open = [], made = [], finished = null, key = "";

  function show(all) {
    const mine = all.filter((job) => job.kind === "speak" && job.avatar === avatar.id);
    open = mine.filter((job) => job.state !== "done");
    const ready = mine.filter((job) => job.state === "done").map((job) => job.id).join();
    if (ready === finished) {
      list();
    } else {
      finished = ready;
      refresh();
    }
  }

  async function refresh() {
    const videos = await trying(() => api.videos());
    if (videos) made = videos.filter((entry) => entry.avatar === avatar.id);
    else finished = null; // the next news asks again
    list();
  }

  function list() {
    const now = JSON.stringify([open.map((job) => [job.id, job.state]), made.map(({ id }) => id)]);
    if (now !== key) {
      key = now;
      const lines = [...open.map(jobLine), ...made.map((each) => videoLine(each, avatar, remove))];
      keepingFocus(element, () => fill(element, lines), () => title);
    }
    for (const job of open) {
      const bar = element.querySelector(`[data-id="${job.id}"] progress`);
      if (bar) bar.value = job.progress.share;
    }
  }

  async function remove(entry) {
    await trying(() => api.removeVideo(entry.id));
    await refresh();
  }

  return { element, show };
}
