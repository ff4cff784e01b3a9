// What a person does in a conversation: types, plays a file, speaks, interrupts, ends it.

import { el, say } from "../../dom.js";
import { trying, worked } from "../../messages.js";

const MOST_TEXT = 2000;

/** session: returns the live session, nothing where there is none. */
export function controls(voice, { session, end }) {
  const canType = voice.voice !== null;
  const text = textForm(session);
  const microphone = microphoneButton(session);
  const file = fileField(session);
  const quiet = el("button", { class: "quiet", onclick: interrupt, disabled: true }, "Be quiet");
  const over = el("button", { class: "quiet", onclick: end, disabled: true }, "End");

  function interrupt() {
    if (session()) trying(() => session().interrupt());
  }

  function enable(on) {
    for (const each of [microphone.element, quiet, over]) each.disabled = !on;
    text.enable(on);
    file.enable(on);
    if (!on) microphone.forget();
  }

  const element = el("div", { class: "controls" },
    canType ? text.element : el("p", { class: "sub" }, voice.detail),
    el("div", { class: "row wrap" }, microphone.element, file.elements, quiet, over),
    el("p", { class: "sub" }, "With the microphone on, it says what you say. Use headphones, or "
      + "it hears itself."));
  const focus = () => (canType ? text.focus() : microphone.element.focus());
  return { element, enable, focus };
}

function textForm(session) {
  const text = el("input", {
    id: "text", autocomplete: "off", maxLength: MOST_TEXT, disabled: true, dir: "auto",
    placeholder: "Type something to say",
  });
  const button = el("button", { class: "primary", type: "submit", disabled: true }, "Say");

  async function onsubmit(event) {
    event.preventDefault();
    if (!session() || !text.value.trim()) return;
    if (await worked(() => session().say(text.value), button)) text.value = "";
    text.focus();
  }

  const enable = (on) => { text.disabled = button.disabled = !on; };
  const element = el("form", { class: "row grow", onsubmit },
    el("label", { for: "text", class: "visually-hidden" }, "Text to say"), text, button);
  return { element, enable, focus: () => text.focus() };
}

function fileField(session) {
  const input = el("input", {
    type: "file", id: "play", accept: "audio/*,video/*", class: "hidden-input",
    disabled: true, onchange,
  });
  const label = el("label", { class: "button off", for: "play" }, "Play a file");

  async function onchange() {
    const [file] = input.files;
    input.value = "";
    if (file && session()) await trying(() => session().playFile(file));
  }

  function enable(on) {
    input.disabled = !on;
    label.classList.toggle("off", !on);
  }

  return { elements: [input, label], enable };
}

function microphoneButton(session) {
  let isOn = false;
  const element = el("button", { onclick: toggle, disabled: true }, "Microphone");
  show();

  async function toggle() {
    const live = session();
    if (!live) return;
    if (isOn) live.stopMicrophone();
    isOn = !isOn && (await worked(() => live.startMicrophone(), element));
    show();
  }

  function forget() {
    isOn = false;
    show();
  }

  function show() {
    element.setAttribute("aria-pressed", String(isOn));
    say(element, isOn ? "Microphone is on" : "Microphone");
  }

  return { element, forget };
}
