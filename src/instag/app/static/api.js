// The server as this page uses it; every failure is an Error whose message is a sentence.

const OWNER = "instag-owner";

/** Whose jobs these are: a number that this browser keeps, for fair turns. */
export const owner = (() => {
  let known = null;
  try { known = localStorage.getItem(OWNER); } catch { /* no storage here */ }
  const name = known || Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  try { localStorage.setItem(OWNER, name); } catch { /* no storage here */ }
  return name;
})();

async function asked(method, path, { query = {}, body = null, json = null, signal = null } = {}) {
  const search = new URLSearchParams(query).toString();
  let answer;
  try {
    answer = await fetch(`/api${path}${search ? `?${search}` : ""}`, {
      method, signal, body: json === null ? body : JSON.stringify(json),
      headers: json === null ? {} : { "Content-Type": "application/json" },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is instag still running?");
  }
  if (!answer.ok) throw new Error(await sentence(answer));
  return answer.status === 204 ? null : answer.json();
}

async function sentence(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : `The server did not understand this (${answer.status}).`;
  } catch {
    return `The server answered with an error (${answer.status}).`;
  }
}

export const api = {
  script: () => asked("GET", "/script"),
  avatars: async () => (await asked("GET", "/library")).avatars,
  avatar: (id) => asked("GET", `/library/${id}`),
  rename: (id, name) => asked("PATCH", `/library/${id}`, { json: { name } }),
  remove: (id) => asked("DELETE", `/library/${id}`),
  bring: (file, name) => asked("POST", "/library", { query: { name }, body: file }),
  picture: (id) => `/api/library/${id}/picture`,
  file: (id) => `/api/library/${id}/file`,
  videos: async () => (await asked("GET", "/videos")).videos,
  video: (id) => `/api/videos/${id}/file`,
  removeVideo: (id) => asked("DELETE", `/videos/${id}`),
  learn: (video, { name, file, consent, recipe, recording }) =>
    asked("POST", "/jobs/learn", { query: { name, file, consent, recipe, owner, recording }, body: video }),
  recordings: async () => (await asked("GET", "/recordings")).recordings,
  beginRecording: (ending) => asked("POST", "/recordings", { query: { ending } }),
  sendPiece: (id, number, piece) => asked("PUT", `/recordings/${id}/piece`, { query: { number }, body: piece }),
  recording: (id) => `/api/recordings/${id}/file`,
  removeRecording: (id) => asked("DELETE", `/recordings/${id}`),
  speak: (avatar, sound, file) =>
    asked("POST", "/jobs/speak", { query: { avatar, file, owner }, body: sound }),
  speakText: (avatar, text) => asked("POST", "/jobs/speak-text", { json: { avatar, text, owner } }),
  cancel: (id) => asked("POST", `/jobs/${id}/cancel`),
  resume: (id) => asked("POST", `/jobs/${id}/resume`),
  removeJob: (id) => asked("DELETE", `/jobs/${id}`),
  preview: (id, number) => `/api/jobs/${id}/preview/${number}`,
  check: (picture, scale, signal) => asked("POST", "/checks", { query: { scale }, body: picture, signal }),
  verify: (file) => asked("POST", "/verify", { query: { file: file.name }, body: file }),
  voice: () => asked("GET", "/voice"),
};

/** All jobs, told again at each change; one connection for the whole page. */
export const jobs = {
  now: null,
  listeners: new Set(),
  source: null,
  listen(listener) {
    this.listeners.add(listener);
    if (this.now) listener(this.now);
    if (!this.source) this.open();
    return () => this.listeners.delete(listener);
  },
  /** Ask now, for what was added a moment ago. */
  async refresh() {
    this.now = (await asked("GET", "/jobs")).jobs;
  },
  open() {
    const banner = document.getElementById("offline");
    this.source = new EventSource("/api/jobs/events");
    this.source.onmessage = (event) => {
      banner.hidden = true;
      this.now = JSON.parse(event.data).jobs;
      for (const listener of [...this.listeners]) listener(this.now);
    };
    this.source.onopen = () => { banner.hidden = true; };
    this.source.onerror = () => {
      banner.hidden = false;
      if (this.source.readyState === EventSource.CLOSED) {  // a refusal is not tried again by itself
        this.source = null;
        setTimeout(() => this.source || this.open(), 2000);
      }
    };
  },
};
