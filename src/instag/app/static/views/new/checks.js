// Live checks: what is good about picture and sound before they are recorded, and what is not.

import { api } from "../../api.js";
import { el, say } from "../../dom.js";

const EVERY_MS = 1000;
const WIDTH = 640;
const ASPECTS = [
  ["face", "Face"], ["face size", "Distance"], ["light", "Light"], ["framing", "Framing"],
  ["sound", "Sound"],
];
const WORDS = { good: ": good", fair: ": could be better", poor: ": mend this", wait: "" };

/** A list with a chip an aspect. show: takes checks, and returns the first advice of them all. */
export function checkList() {
  const chips = new Map(ASPECTS.map(([aspect, name]) =>
    [aspect, el("li", { class: "chip wait" }, name)]));
  const messages = new Map();

  function show(checks) {
    for (const [aspect, name] of ASPECTS) {
      const found = checks.find((check) => check.aspect === aspect);
      if (!found && aspect === "sound") continue;
      const grade = found ? found.grade : "wait";
      chips.get(aspect).className = `chip ${grade}`;
      say(chips.get(aspect), name + WORDS[grade]);
      messages.set(aspect, found ? found.message : "");
    }
    return [...messages.values()].find(Boolean) || "All is well.";
  }

  const element = el("ul", { class: "chips", "aria-label": "Checks" }, [...chips.values()]);
  return { element, show };
}

/** Sends a picture a second to the server's checks. Returns how to stop. */
export function checking(video, meter, show) {
  const canvas = el("canvas"), abort = new AbortController();
  let timer = null;

  async function look() {
    const found = [meter.check()];
    try {
      if (video.videoWidth) found.push(...(await checksOf(video, canvas, abort.signal)));
    } catch {
      if (abort.signal.aborted) return; // the next look may work again
    }
    if (abort.signal.aborted) return;
    show(found);
    timer = setTimeout(look, EVERY_MS);
  }

  look();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}

async function checksOf(video, canvas, signal) {
  const scale = Math.max(1, video.videoWidth / WIDTH);
  canvas.width = Math.round(video.videoWidth / scale);
  canvas.height = Math.round(video.videoHeight / scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
  return (await api.check(picture, scale, signal)).checks;
}
