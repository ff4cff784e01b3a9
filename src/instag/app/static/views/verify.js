// Verify: is this file ours? No more is said than bytes and metadata show.

import { api } from "../api.js";
import { el, fill } from "../dom.js";
import { dropZone } from "../drop_zone.js";
import { trying } from "../messages.js";
import { sending } from "../sending.js";
import { when } from "../times.js";

export async function verifyView(place) {
  const result = el("div", { role: "status" }), coming = el("div"), leaving = new AbortController();
  const zone = dropZone({
    id: "verify-file", accept: "video/*,.avatar", title: "Choose a file",
    hint: "or drop it here", onfile: look,
  });
  fill(place,
    el("h1", {}, "Is this file ours?"),
    el("p", { class: "lead" }, "Give a video or an avatar. It is compared, byte for byte, with "
      + "all that this library wrote, and its metadata are read. It is not kept."),
    zone,
    coming,
    result);

  let newest = null;
  async function look(file) {
    newest = file;
    fill(result);
    const send = (request) => api.verify(file, request);
    const found = await trying(() => sending(coming, file, send, leaving));
    if (newest === file) fill(result, found ? verdict(file, found) : null);
  }

  return () => leaving.abort();
}

function titled({ written, mark }) {
  if (written) return ["yes", "Yes: this library wrote it"];
  if (mark) return ["maybe", "It says so, but that proves nothing"];
  return ["unknown", "Not known here"];
}

function verdict(file, found) {
  const [kind, title] = titled(found);
  return el("section", { class: `verdict ${kind}` },
    el("h2", {}, title),
    el("p", {}, found.sentence),
    el("dl", {},
      row("File", file.name),
      found.written ? row("Avatar", found.written.name) : null,
      found.written ? row("Written", when(found.written.made)) : null,
      found.mark ? row("Its metadata", found.mark) : null,
      row("SHA-256", found.sha256)));
}

const row = (term, text) => el("div", {}, el("dt", {}, term), el("dd", {}, text));
