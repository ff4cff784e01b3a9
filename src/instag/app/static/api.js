// The server as this page uses it; every failure is an Error whose message is a sentence.

import { noAnswer } from "./live/no_answer.js";
import { owner } from "./owner.js";
import { watchedRequest } from "./watched_request.js";

/** sending: {signal, progress} of a body that takes time to send. */
async function asked(method, path, { query = {}, body = null, json = null, signal, sending } = {}) {
  const search = new URLSearchParams(query).toString();
  const headers = json === null ? {} : { "Content-Type": "application/json" };
  const content = json === null ? body : JSON.stringify(json);
  const address = `/api${path}${search ? `?${search}` : ""}`;
  const request = { method, signal, headers, body: content, ...sending };
  let answer;
  try {
    answer = await (sending ? watchedRequest : fetch)(address, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(await noAnswer(body));
  }
  if (!answer.ok) throw new Error(await sentence(answer));
  return answer.status === 204 ? null : answer.json();
}

async function sentence(answer) {
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") return detail;
    return `The server did not understand this (${answer.status}).`;
  } catch {
    return `The server answered with an error (${answer.status}).`;
  }
}

const library = {
  avatars: async () => (await asked("GET", "/library")).avatars,
  avatar: (id) => asked("GET", `/library/${id}`),
  rename: (id, name) => asked("PATCH", `/library/${id}`, { json: { name } }),
  remove: (id) => asked("DELETE", `/library/${id}`),
  bring: (file, name, sending) =>
    asked("POST", "/library", { query: { name }, body: file, sending }),
  picture: (id) => `/api/library/${id}/picture`,
  file: (id) => `/api/library/${id}/file`,
  videos: async () => (await asked("GET", "/videos")).videos,
  video: (id) => `/api/videos/${id}/file`,
  removeVideo: (id) => asked("DELETE", `/videos/${id}`),
};

const recordings = {
  recordings: async () => (await asked("GET", "/recordings")).recordings,
  beginRecording: (ending) => asked("POST", "/recordings", { query: { ending } }),
  sendPiece: (id, number, piece) =>
    asked("PUT", `/recordings/${id}/piece`, { query: { number }, body: piece }),
  recording: (id) => `/api/recordings/${id}/file`,
  removeRecording: (id) => asked("DELETE", `/recordings/${id}`),
};

const jobs = {
  jobs: async () => (await asked("GET", "/jobs")).jobs,
  learn: (video, { name, file, consent, recipe, recording }, sending) =>
    asked("POST", "/jobs/learn", {
      query: { name, file, consent, recipe, owner, recording }, body: video, sending,
    }),
  speak: (avatar, sound, file, sending) =>
    asked("POST", "/jobs/speak", { query: { avatar, file, owner }, body: sound, sending }),
  speakText: (avatar, text) => asked("POST", "/jobs/speak-text", { json: { avatar, text, owner } }),
  cancel: (id) => asked("POST", `/jobs/${id}/cancel`),
  resume: (id) => asked("POST", `/jobs/${id}/resume`),
  removeJob: (id) => asked("DELETE", `/jobs/${id}`),
  preview: (id, number) => `/api/jobs/${id}/preview/${number}`,
};

export const api = {
  ...library,
  ...recordings,
  ...jobs,
  script: () => asked("GET", "/script"),
  check: (picture, scale, signal) =>
    asked("POST", "/checks", { query: { scale }, body: picture, signal }),
  verify: (file, sending) =>
    asked("POST", "/verify", { query: { file: file.name }, body: file, sending }),
  voice: () => asked("GET", "/voice"),
};
