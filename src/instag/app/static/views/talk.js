// Talk: live, by text, file and microphone; and videos to keep.

import { api, jobs } from "../api.js";
import { ask, clock, dropZone, el, fill, say, toast, trying, when } from "../dom.js";
import { LiveSession } from "../live.js";

const STATES = { connecting: "Connecting…", idle: "Ready", listening: "Listening", speaking: "Speaking", closed: "Not connected" };
const LIVE_SIZE = 256;

export async function talkView(place, id) {
  const [avatar, voice] = await Promise.all([api.avatar(id), api.voice()]);
  const canType = voice.voice !== null;
  let live = null, microphone = false;

  const video = el("video", { playsInline: true, poster: api.picture(id), "aria-label": `${avatar.name}, live` });
  const state = el("p", { class: "state", role: "status", "data-state": "closed" }, STATES.closed);
  const start = el("button", { class: "primary large start", onclick: connect }, `Talk with ${avatar.name}`);
  const text = el("input", { id: "text", autocomplete: "off", maxLength: 2000, placeholder: canType ? "Type something to say" : "", disabled: true });
  const sayButton = el("button", { class: "primary", type: "submit", disabled: true }, "Say");
  const form = el("form", { class: "row grow", onsubmit: sayText }, el("label", { for: "text", class: "visually-hidden" }, "Text to say"), text, sayButton);
  const micButton = el("button", { onclick: toggleMicrophone, disabled: true, "aria-pressed": "false" }, "Microphone");
  const fileInput = el("input", { type: "file", id: "play", accept: "audio/*,video/*", class: "hidden-input", disabled: true, onchange: playFile });
  const fileLabel = el("label", { class: "button off", for: "play" }, "Play a file");
  const stopButton = el("button", { class: "quiet", onclick: interrupt, disabled: true }, "Be quiet");
  const endButton = el("button", { class: "quiet", onclick: end, disabled: true }, "End");
  const videoList = el("ul", { class: "videos" });
  const videoText = el("textarea", { id: "video-text", rows: 3, maxLength: 5000, disabled: !canType });
  const makeButton = el("button", { disabled: !canType, onclick: makeFromText }, "Make a video");

  fill(place,
    el("h1", {}, avatar.name),
    el("div", { class: "talk" },
      el("div", { class: "stage square live" }, video, start, state),
      el("div", { class: "controls" },
        form,
        canType ? null : el("p", { class: "sub" }, voice.detail),
        el("div", { class: "row wrap" }, micButton, fileInput, fileLabel, stopButton, endButton),
        el("p", { class: "sub" }, "With the microphone on, it says what you say. Use headphones, or it hears itself."))),
    el("section", { class: "panel" },
      el("h2", {}, "Videos"),
      el("p", { class: "sub" }, "As long as the speech, with sound, in full quality. Its metadata say that it is synthetic."),
      el("div", { class: "two" },
        el("div", {}, el("label", { for: "video-text" }, "Text"), videoText, makeButton),
        dropZone({ id: "video-sound", accept: "audio/*,video/*", title: "Speech in a file", hint: "Drop or choose any sound or video file.", onfile: makeFromFile })),
      videoList));

  function enable(on) {
    for (const each of [micButton, fileInput, stopButton, endButton]) each.disabled = !on;
    text.disabled = sayButton.disabled = !on || !canType;
    fileLabel.classList.toggle("off", !on);
    start.hidden = on;
  }

  function showState(now) {
    state.dataset.state = now;
    say(state, STATES[now] ?? now);
    if (now === "closed" && live) closed();
  }

  async function connect() {
    start.disabled = true;
    live = new LiveSession("", null);
    live.onstate = showState;
    live.onerror = (error) => toast(error.message, "error");
    showState("connecting");
    try {
      await live.connect(video, { avatar: id, size: Math.min(LIVE_SIZE, avatar.size) });
      window.instagLive = live;
      enable(true);
      text.focus();
    } catch (error) {
      toast(error.message, "error");
      await end();
    } finally {
      start.disabled = false;
    }
  }

  function closed() {
    live = null;
    microphone = false;
    showMicrophone();
    enable(false);
    state.dataset.state = "closed";
    say(state, STATES.closed);
  }

  async function end() {
    const was = live;
    closed();
    if (was) await was.close().catch(() => {});
    video.srcObject = null;
    video.load();
  }

  async function sayText(event) {
    event.preventDefault();
    if (!live || !text.value.trim()) return;
    if (await trying(async () => { await live.say(text.value); return true; }, sayButton)) text.value = "";
    text.focus();
  }

  async function playFile() {
    const [file] = fileInput.files;
    fileInput.value = "";
    if (file && live) await trying(() => live.playFile(file));
  }

  function interrupt() {
    if (live) trying(() => live.interrupt());
  }

  async function toggleMicrophone() {
    if (!live) return;
    if (microphone) {
      live.stopMicrophone();
      microphone = false;
    } else {
      microphone = (await trying(async () => { await live.startMicrophone(); return true; }, micButton)) === true;
    }
    showMicrophone();
  }

  function showMicrophone() {
    micButton.setAttribute("aria-pressed", String(microphone));
    say(micButton, microphone ? "Microphone is on" : "Microphone");
  }

  async function makeFromText() {
    if (!videoText.value.trim()) {
      videoText.focus();
      return;
    }
    if (await trying(() => api.speakText(id, videoText.value), makeButton)) videoText.value = "";
  }

  function makeFromFile(file) {
    trying(() => api.speak(id, file, file.name));
  }

  await jobs.refresh();
  let made = [], finished = null;
  const stop = jobs.listen(async (all) => {
    const mine = all.filter((job) => job.kind === "speak" && job.avatar === id);
    const ready = mine.filter((job) => job.state === "done").map((job) => job.id).join();
    if (ready !== finished) {
      finished = ready;
      made = ((await trying(() => api.videos())) ?? []).filter((entry) => entry.avatar === id);
    }
    list(mine.filter((job) => job.state !== "done"));
  });

  function list(open) {
    const key = JSON.stringify([open.map((job) => [job.id, job.state]), made.map((entry) => entry.id)]);
    if (videoList.dataset.key !== key) {
      videoList.dataset.key = key;
      fill(videoList, open.map(jobLine), made.map(videoLine));
    }
    for (const job of open) {
      const bar = videoList.querySelector(`[data-id="${job.id}"] progress`);
      if (bar) bar.value = job.progress.share;
    }
  }

  function jobLine(job) {
    const ended = job.state === "failed" || job.state === "cancelled";
    const remove = () => trying(() => (ended ? api.removeJob(job.id) : api.cancel(job.id)));
    return el("li", { "data-id": job.id },
      el("p", {}, job.said),
      ended ? el("p", { class: "warn" }, job.error || "Stopped.") : el("progress", { max: 1, value: job.progress.share, "aria-label": `Progress of the video “${job.said}”` }),
      el("button", { class: "quiet small", onclick: remove }, ended ? "Remove" : "Stop"));
  }

  function videoLine(entry) {
    const remove = async () => {
      if (!(await ask("Delete this video?", { text: entry.said, yes: "Delete", danger: true }))) return;
      await trying(() => api.removeVideo(entry.id));
      finished = null;
      made = made.filter((each) => each.id !== entry.id);
      list([]);
    };
    const name = `${avatar.name} ${entry.said}`.replace(/[^\p{L}\p{N} _-]/gu, "").slice(0, 60).trim();
    return el("li", {},
      el("video", { src: api.video(entry.id), poster: api.picture(id), controls: true, playsInline: true, preload: "metadata", "aria-label": `Video: ${entry.said}` }),
      el("div", {}, el("p", {}, entry.said), el("p", { class: "sub" }, `${clock(entry.seconds)} · ${when(entry.made)}`),
        el("div", { class: "row" },
          el("a", { class: "button small", href: api.video(entry.id), download: `${name}.mp4` }, "Download"),
          el("button", { class: "quiet small", onclick: remove }, "Delete"))));
  }

  return () => {
    stop();
    end();
  };
}
