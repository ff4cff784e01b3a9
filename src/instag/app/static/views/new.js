// Record: camera, script and live checks; or a file. Then a name, and the learning begins.

import { api } from "../api.js";
import { clock, dropZone, el, fill, say, toast, trying, when } from "../dom.js";
import { Keeper } from "../keeper.js";
import { SoundMeter } from "../meter.js";

const TYPES = [
  "video/mp4;codecs=avc1.640028,opus", "video/mp4;codecs=avc1.640028,mp4a.40.2", "video/mp4",
  "video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm",
];
const CHECK_EVERY_MS = 1000;
const CHECK_WIDTH = 640;
const MOST_S = 120;
const ASPECTS = [["face", "Face"], ["face size", "Distance"], ["light", "Light"], ["framing", "Framing"], ["sound", "Sound"]];

export async function newView(place) {
  const script = await api.script();
  let leave = () => {}, gone = false;
  const begin = async () => {
    leave();
    leave = () => {};
    const cutOff = await api.recordings().catch(() => []);
    if (!gone) leave = startStep(place, script, { record, file, cutOff, found, begin });
  };
  const record = async () => { leave(); leave = await recordStep(place, script, { begin, done }); };
  const file = (given) => { leave(); leave = reviewStep(place, script, { given, spoken: false, begin }); };
  const done = (blob, keeper) => {
    leave();
    const given = new File([blob], `recording${endingOf(blob.type)}`, { type: blob.type });
    const again = async () => { await keeper.drop(); await record(); };
    leave = reviewStep(place, script, { given, spoken: true, begin, again, kept: () => keeper.kept() });
  };
  const found = (recording) => {
    leave();
    const address = api.recording(recording.id), kept = async () => recording.id;
    const again = async () => { await api.removeRecording(recording.id); await record(); };
    leave = reviewStep(place, script, { address, spoken: true, begin, again, kept });
  };
  await begin();
  return () => {
    gone = true;
    leave();
  };
}

const endingOf = (type) => (type.includes("mp4") ? ".mp4" : ".webm");

function cutOffPanel({ cutOff, found, begin, least_s }) {
  const long = cutOff.filter((each) => each.seconds >= least_s);
  if (!long.length) return null;
  const forget = (each) => trying(async () => { await api.removeRecording(each.id); await begin(); });
  return el("section", { class: "panel" },
    el("h2", {}, "A recording that was not used"),
    el("ul", {}, long.map((each) => el("li", { class: "row wrap" },
      el("span", {}, `${when(each.made)}, ${clock(each.seconds)}`),
      el("button", { onclick: () => found(each) }, "Use it"),
      el("button", { class: "quiet", onclick: () => forget(each) }, "Delete it")))));
}

function startStep(place, script, { record, file, cutOff, found, begin }) {
  const possible = Boolean(navigator.mediaDevices && window.MediaRecorder);
  const start = el("button", { class: "primary large", disabled: !possible, onclick: () => trying(record, start) }, "Turn on the camera");
  fill(place,
    el("h1", {}, "New avatar"),
    el("div", { class: "two" },
      el("section", { class: "panel" },
        el("h2", {}, "Record yourself"),
        el("p", {}, `Read ${script.lines.length + 1} sentences aloud: ${script.enough_s} seconds are enough. Sit in front of a window or a lamp, half a metre from the camera, and keep hands and hair from your face.`),
        start,
        possible ? null : el("p", { class: "warn" }, "Browsers allow the camera on https:// and on localhost only. Open this page there, or choose a file.")),
      el("section", { class: "panel" },
        el("h2", {}, "Or use a video"),
        el("p", {}, "One person who looks into the camera and speaks, five seconds or more, without cuts."),
        dropZone({ id: "video-file", accept: "video/*", title: "Choose a video", hint: "or drop it here", onfile: file }))),
    cutOffPanel({ cutOff, found, begin, least_s: script.least_s }));
  return () => {};
}

async function recordStep(place, script, { begin, done }) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user" },
      audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    throw new Error(error.name === "NotAllowedError"
      ? "The browser may not use camera and microphone. Allow both at the left of its address bar, then try again."
      : `No camera with a microphone could be opened (${error.name}). Plug one in, close other programs that use it, or choose a file.`);
  }
  const video = el("video", { autoplay: true, muted: true, playsInline: true, class: "mirror", "aria-label": "Camera" });
  video.srcObject = stream;
  const chips = new Map(ASPECTS.map(([aspect, name]) => [aspect, el("li", { class: "chip wait" }, name)]));
  const advice = el("p", { class: "advice", role: "status" });
  const time = el("span", { class: "time" });
  const count = el("div", { class: "count", hidden: true, "aria-hidden": "true" });
  const button = el("button", { class: "record large", onclick: toggle }, "Start recording");
  const back = el("button", { class: "quiet", onclick: begin }, "Back");
  const lines = el("ol", { class: "script" },
    el("li", { class: "consent" }, el("small", {}, "Your consent, kept with the avatar"), script.consent),
    script.lines.map((line) => el("li", {}, line)));
  fill(place,
    el("h1", {}, "Read this aloud"),
    el("div", { class: "studio reading" },
      el("div", {},
        el("div", { class: "stage" }, video, el("div", { class: "oval", "aria-hidden": "true" }), count),
        el("ul", { class: "chips", "aria-label": "Checks" }, [...chips.values()]),
        advice,
        el("div", { class: "row" }, button, time, back)),
      el("div", { class: "side" }, lines,
        el("p", { class: "sub" }, `Look into the camera. Be natural; a slip does no harm. After ${script.enough_s} seconds there is enough.`))));

  let recorder = null, ticking = null, left = false, counting = false;
  const meter = new SoundMeter(stream);
  const messages = new Map();
  const stopChecks = checking(video, show, meter);

  function show(checks) {
    for (const [aspect] of ASPECTS) {
      const found = checks.find((check) => check.aspect === aspect);
      if (!found && aspect === "sound") continue;
      const grade = found ? found.grade : "wait";
      const chip = chips.get(aspect), name = ASPECTS.find(([each]) => each === aspect)[1];
      chip.className = `chip ${grade}`;
      say(chip, { good: `${name}: good`, fair: `${name}: could be better`, poor: `${name}: mend this`, wait: name }[grade]);
      messages.set(aspect, found ? found.message : "");
    }
    if (!recorder) say(advice, [...messages.values()].find(Boolean) || "All is well.");
  }

  function toggle() {
    if (recorder) recorder.stop();
    else if (!counting) countDown();
  }

  async function countDown() {
    counting = true;
    button.disabled = true;
    for (const number of [3, 2, 1]) {
      count.hidden = false;
      count.textContent = number;
      say(advice, `Recording begins in ${number}.`);
      await new Promise((resolve) => setTimeout(resolve, 700));
      if (left) return;
    }
    count.hidden = true;
    start();
  }

  function start() {
    const type = TYPES.find((each) => MediaRecorder.isTypeSupported(each)) || "";
    const parts = [];
    const keeper = new Keeper(endingOf(type));
    recorder = new MediaRecorder(stream, {
      mimeType: type, videoBitsPerSecond: 6_000_000, audioBitsPerSecond: 128_000,
      videoKeyFrameIntervalDuration: 1000, // an MP4 comes in pieces that begin with a key frame
    });
    recorder.ondataavailable = (event) => {
      parts.push(event.data);
      keeper.add(event.data);
    };
    recorder.onstop = () => {
      if (!left) done(new Blob(parts, { type: recorder.mimeType }), keeper);
    };
    recorder.onerror = (event) => toast(`The recording stopped: ${event.error?.message ?? "the browser does not say why"}.`, "error");
    recorder.start(1000);
    const began = performance.now();
    button.classList.add("on");
    back.hidden = true;
    say(button, "Stop");
    say(advice, "Recording. Begin with your consent, then read on.");
    const tick = () => {
      const seconds = (performance.now() - began) / 1000;
      time.textContent = `${clock(seconds)} of ${clock(script.enough_s)}`;
      button.disabled = seconds < script.least_s;
      if (seconds >= script.enough_s) say(advice, "Enough. Finish your sentence, then stop.");
      if (seconds > MOST_S && recorder.state === "recording") recorder.stop();
    };
    tick();
    ticking = setInterval(tick, 250);
  }

  return () => {
    left = true;
    clearInterval(ticking);
    stopChecks();
    meter.close();
    if (recorder && recorder.state === "recording") recorder.stop();
    for (const track of stream.getTracks()) track.stop();
  };
}

/** Sends a picture a second to the server's checks. Returns how to stop. */
function checking(video, show, meter) {
  const canvas = el("canvas"), abort = new AbortController();
  let timer = null;
  async function look() {
    const found = [meter.check()];
    try {
      if (video.videoWidth) {
        const scale = Math.max(1, video.videoWidth / CHECK_WIDTH);
        canvas.width = Math.round(video.videoWidth / scale);
        canvas.height = Math.round(video.videoHeight / scale);
        canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
        const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
        found.push(...(await api.check(picture, scale, abort.signal)).checks);
      }
    } catch {
      if (abort.signal.aborted) return;  // the next look may work again
    }
    if (abort.signal.aborted) return;
    show(found);
    timer = setTimeout(look, CHECK_EVERY_MS);
  }
  look();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}

function reviewStep(place, script, { given = null, address = null, spoken, begin, again, kept = async () => "" }) {
  const shown = address ?? URL.createObjectURL(given);
  const name = el("input", { id: "name", maxLength: 80, autocomplete: "off", required: true, value: spoken ? "" : given.name.replace(/\.[^.]*$/, "").slice(0, 80) });
  const agreed = el("input", { type: "checkbox", id: "agreed", required: true });
  const choice = (value, title, text, checked) => el("label", { class: "choice" },
    el("input", { type: "radio", name: "recipe", value, checked }), el("span", {}, el("strong", {}, title), el("span", { class: "sub" }, text)));
  const learn = el("button", { class: "primary large", type: "submit" }, "Learn this avatar");
  const form = el("form", { class: "side", onsubmit: submit },
    el("label", { for: "name" }, "Name"), name,
    el("fieldset", {}, el("legend", {}, "How thoroughly"),
      choice("draft", "Quick", "Some minutes on a laptop; pictures of 256 × 256", true),
      choice("few", "Thorough", "A quarter of an hour or more; pictures of 512 × 512, sharper", false)),
    spoken
      ? el("p", { class: "sub" }, `You agreed: “${script.consent}” The recording stays on this machine; its fingerprint (SHA-256) goes into the avatar.`)
      : el("label", { class: "choice", for: "agreed" }, agreed, el("span", {}, script.confirmed)),
    el("div", { class: "row" }, learn, again
      ? el("button", { class: "quiet", type: "button", onclick: (event) => trying(again, event.target) }, "Record again")
      : el("button", { class: "quiet", type: "button", onclick: begin }, "Choose another")));
  fill(place,
    el("h1", {}, spoken ? "Your recording" : "Your video"),
    el("div", { class: "studio" },
      el("div", { class: "stage" }, el("video", { src: shown, controls: true, playsInline: true, "aria-label": "What will be learned from" })), form));
  let sent = false;
  let safe = !given; // a recording that the server has is not lost with the page
  kept().then((recording) => { safe ||= Boolean(recording); });
  const guard = (event) => { if (spoken && !sent && !safe) event.preventDefault(); };
  addEventListener("beforeunload", guard);

  async function submit(event) {
    event.preventDefault();
    say(learn, "Sending…");
    const recording = await kept();
    const job = await trying(() => api.learn(recording ? null : given, {
      name: name.value, file: given?.name ?? "", recording, consent: spoken ? "spoken" : "confirmed", recipe: new FormData(form).get("recipe"),
    }), learn);
    say(learn, "Learn this avatar");
    if (job) {
      sent = true;
      location.hash = `#/job/${job.id}`;
    }
  }
  return () => {
    removeEventListener("beforeunload", guard);
    if (given) URL.revokeObjectURL(shown);
  };
}
