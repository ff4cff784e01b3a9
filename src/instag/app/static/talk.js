// The page of `instag serve`: a live head, and what it can be made to say.

import {LiveSession} from "./live.js";
const at = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const headers = token ? {Authorization: `Bearer ${token}`} : {};
const live = new LiveSession("", token);
const show = (sentence) => (at("state").textContent = sentence);
const attempt = (work) => Promise.resolve().then(work).catch((error) => show(error.message));
live.onerror = (error) => show(error.message);
live.onstate = (state) => {
  const closed = ["closed", "connecting"].includes(state);
  for (const each of document.querySelectorAll("input, form button, #microphone, #interrupt"))
    each.disabled = closed;
  at("connect").textContent = closed ? "Connect" : "Close";
  at("connect").disabled = state === "connecting";
  if (closed) at("microphone").setAttribute("aria-pressed", "false");
  show(state);
};
attempt(async () => {
  const found = await (await fetch("/api/avatars", {headers})).json();
  if (!found.avatars) throw new Error(found.detail);
  for (const {id, name} of found.avatars) at("avatar").add(new Option(name, id));
});
at("connect").onclick = () =>
  attempt(() =>
    live.id ? live.close() : live.connect(at("video"), {avatar: at("avatar").value}),
  );
at("microphone").onclick = () =>
  attempt(async () => {
    const on = at("microphone").getAttribute("aria-pressed") === "true";
    if (on) live.stopMicrophone();
    else await live.startMicrophone();
    at("microphone").setAttribute("aria-pressed", String(!on));
  });
at("interrupt").onclick = () => attempt(() => live.interrupt());
at("file").onchange = () =>
  attempt(() => {
    const [file] = at("file").files;
    return file && live.playFile(file);
  });
at("say").onsubmit = (event) => {
  event.preventDefault();
  attempt(() => live.say(at("text").value));
};
