// A file on its way to the server: a line that tells how far it is, with a button to cancel.

import { el, say } from "./dom.js";

const SOON_MS = 300; // what takes less needs no line

/** Send a file; the line is appended to `place`. work: gets {signal, progress}, for the request.
    Resolves to what it does, and to undefined where it was cancelled. */
export async function sending(place, file, work, abort = new AbortController()) {
  const before = document.activeElement;
  const { element, progress } = line(file.name, () => abort.abort());
  const soon = setTimeout(() => place.append(element), SOON_MS);
  try {
    return await work({ signal: abort.signal, progress });
  } catch (error) {
    if (abort.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(soon);
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) before.focus();
  }
}

/** A place shows something else now: what is on its way goes on in the corner of the messages. */
export function keepSending(place) {
  document.getElementById("uploads").append(...place.querySelectorAll(".sending"));
}

function line(name, cancel) {
  const what = el("span", { class: "what", role: "status" }, `Sending ${name}`);
  const share = el("span", { class: "time" }, "0 %");
  const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${name}` });
  const button = el("button", { class: "quiet small", type: "button", onclick: cancel }, "Cancel");
  const element = el("div", { class: "sending" }, what, share, bar, button);

  function progress(sent) {
    if (sent < 1) {
      bar.value = sent;
      say(share, `${Math.floor(100 * sent)} %`);
      return;
    }
    bar.removeAttribute("value"); // the server does not tell how far it is
    say(share, "");
    say(what, `${name} is there; the server looks at it…`);
    button.hidden = true; // what the server has, it may have taken
  }

  return { element, progress };
}
