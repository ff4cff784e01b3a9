// The step that records: the camera with live checks, beside a script to read.

import { el, fill, say } from "../../dom.js";
import { toast } from "../../messages.js";
import { SoundMeter } from "../../meter.js";
import { clock } from "../../times.js";
import { checking, checkList } from "./checks.js";
import { Recording } from "./recording.js";

const MOST_S = 120;
const COUNT_MS = 700;
const TICK_MS = 250;

export function recordStep(place, script, stream, { begin, recorded }) {
  const video = camera(stream), checks = checkList(), meter = new SoundMeter(stream);
  const advice = el("p", { class: "advice", role: "status" });
  const time = el("span", { class: "time" });
  const count = el("div", { class: "count", hidden: true, "aria-hidden": "true" });
  const button = el("button", { class: "record large", onclick: toggle }, "Start recording");
  const allow = (on) => button.setAttribute("aria-disabled", String(!on)); // and keep the focus
  const back = el("button", { class: "quiet", onclick: begin }, "Back");
  fill(place,
    el("h1", {}, "Read this aloud"),
    el("div", { class: "studio reading" },
      el("div", {},
        el("div", { class: "stage" }, video, oval(), count),
        checks.element,
        advice,
        el("div", { class: "row" }, button, time, back)),
      el("div", { class: "side" }, lines(script), hint(script))));

  let recording = null, ticking = null, left = false;
  const stopChecks = checking(video, meter, (found) => {
    const first = checks.show(found);
    if (!recording && count.hidden) say(advice, first);
  });

  for (const track of stream.getTracks()) track.onended = lost;

  function toggle() {
    if (button.getAttribute("aria-disabled") === "true") return;
    if (recording) recording.stop();
    else countDown();
  }

  /** Somebody unplugged the camera or the microphone. */
  function lost() {
    toast("The camera or the microphone was taken away.", "error");
    if (recording) recording.stop();
    else begin();
  }

  async function countDown() {
    allow(false);
    for (const number of [3, 2, 1]) {
      count.hidden = false;
      count.textContent = number;
      say(advice, `Recording begins in ${number}.`);
      await new Promise((resolve) => setTimeout(resolve, COUNT_MS));
      if (left) return;
    }
    count.hidden = true;
    start();
  }

  function start() {
    recording = new Recording(stream, {
      over: (...all) => left || recorded(...all),
      failed: (sentence) => toast(sentence, "error"),
    });
    button.classList.add("on");
    back.hidden = true;
    say(button, "Stop");
    say(advice, "Recording. Begin with your consent, then read on.");
    tick();
    ticking = setInterval(tick, TICK_MS);
  }

  function tick() {
    const { seconds } = recording;
    time.textContent = `${clock(seconds)} of ${clock(script.enough_s)}`;
    allow(seconds >= script.least_s);
    if (seconds >= script.enough_s) say(advice, "Enough. Finish your sentence, then stop.");
    if (seconds > MOST_S) recording.stop();
  }

  return () => {
    left = true;
    clearInterval(ticking);
    stopChecks();
    meter.close();
    recording?.stop();
    for (const track of stream.getTracks()) track.stop();
  };
}

function camera(stream) {
  const video = el("video", {
    autoplay: true, muted: true, playsInline: true, class: "mirror", "aria-label": "Camera",
  });
  video.srcObject = stream;
  return video;
}

const oval = () => el("div", { class: "oval", "aria-hidden": "true" });

const lines = (script) =>
  el("ol", { class: "script" },
    el("li", { class: "consent" },
      el("small", {}, "Your consent, kept with the avatar"), script.consent),
    script.lines.map((line) => el("li", {}, line)));

const hint = (script) =>
  el("p", { class: "sub" }, "Look into the camera. Be natural; a slip does no harm. "
    + `After ${script.enough_s} seconds there is enough.`);
