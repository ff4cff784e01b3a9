// A conversation: the live head, from a click until it ends.

import { api } from "../../api.js";
import { el, say } from "../../dom.js";
import { LiveSession } from "../../live.js";
import { toast } from "../../messages.js";
import { controls } from "./controls.js";

const STATES = {
  connecting: "Connecting…", idle: "Ready", listening: "Listening", speaking: "Speaking",
  closed: "Not connected",
};
const LIVE_SIZE = 256;

export function conversation(avatar, voice) {
  let live = null, left = false;
  const video = el("video", {
    playsInline: true, poster: api.picture(avatar.id), "aria-label": `${avatar.name}, live`,
  });
  const state = el("p", { class: "state", role: "status" });
  const start = el("button", { class: "primary large start", onclick: connect },
    `Talk with ${avatar.name}`);
  const side = controls(voice, { session: () => live, end });
  showState("closed");

  async function connect() {
    start.disabled = true;
    live = new LiveSession("", null);
    live.onstate = changed;
    live.onerror = (error) => toast(error.message, "error");
    try {
      await live.connect(video, { avatar: avatar.id, size: Math.min(LIVE_SIZE, avatar.size) });
      window.instagLive = live;
      enable(true);
      side.focus();
    } catch (error) {
      if (!left) toast(error.message, "error");
      await end();
    } finally {
      start.disabled = false;
    }
  }

  function leave() {
    left = true;
    end();
  }

  async function end() {
    const was = live;
    const hadFocus = side.element.contains(document.activeElement);
    closed();
    if (hadFocus) start.focus();
    if (was) await was.close().catch(() => {});
    video.srcObject = null;
    video.load();
  }

  function changed(now) {
    showState(now);
    if (now === "closed" && live) closed();
  }

  function closed() {
    live = null;
    enable(false);
    showState("closed");
  }

  function enable(on) {
    side.enable(on);
    start.hidden = on;
  }

  function showState(now) {
    state.dataset.state = now;
    say(state, STATES[now] ?? now);
  }

  const stage = el("div", { class: "stage square live" }, video, start, state);
  return { element: el("div", { class: "talk" }, stage, side.element), leave };
}
