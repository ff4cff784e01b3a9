// The first step: the camera, a file, or a recording that was cut off.

import { api } from "../../api.js";
import { el, fill } from "../../dom.js";
import { dropZone } from "../../drop_zone.js";
import { trying } from "../../messages.js";
import { clock, when } from "../../times.js";

export function startStep(place, script, { record, file, cutOff, found, begin }) {
  fill(place,
    el("h1", {}, "New avatar"),
    el("div", { class: "two" }, cameraPanel(script, record), filePanel(file)),
    cutOffPanel(cutOff.filter((each) => each.seconds >= script.least_s), found, begin));
  return () => {};
}

function cameraPanel(script, record) {
  const possible = Boolean(navigator.mediaDevices && window.MediaRecorder);
  const onclick = () => trying(() => record(), start);
  const start = el("button", { class: "primary large", disabled: !possible, onclick },
    "Turn on the camera");
  return el("section", { class: "panel" },
    el("h2", {}, "Record yourself"),
    el("p", {}, `Read ${script.lines.length + 1} sentences aloud: ${script.enough_s} seconds are `
      + "enough. Sit in front of a window or a lamp, half a metre from the camera, and keep hands "
      + "and hair from your face."),
    start,
    possible ? null : el("p", { class: "warn" }, "Browsers allow the camera on https:// and on "
      + "localhost only. Open this page there, or choose a file."));
}

const filePanel = (onfile) =>
  el("section", { class: "panel" },
    el("h2", {}, "Or use a video"),
    el("p", {}, "One person who looks into the camera and speaks, five seconds or more, without "
      + "cuts."),
    dropZone({
      id: "video-file", accept: "video/*", title: "Choose a video", hint: "or drop it here", onfile,
    }));

function cutOffPanel(recordings, found, begin) {
  if (!recordings.length) return null;
  const forget = (id) => trying(async () => { await api.removeRecording(id); await begin(); });
  const line = (each) =>
    el("li", { class: "row wrap" },
      el("span", {}, `${when(each.made)}, ${clock(each.seconds)}`),
      el("button", { onclick: () => found(each) }, "Use it"),
      el("button", { class: "quiet", onclick: () => forget(each.id) }, "Delete it"));
  return el("section", { class: "panel" },
    el("h2", {}, "A recording that was not used"),
    el("ul", {}, recordings.map(line)));
}
