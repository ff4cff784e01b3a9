// A live session: a talking head in a <video>, by WebRTC, or by WebSocket where UDP is closed.
//
//   const live = new LiveSession("", token);
//   await live.connect(video, {avatar: "me"});
//   await live.say("Good morning.");
//
// Connect from a click: browsers let no page sound by itself.

import {openMicrophone} from "./live/microphone.js";
import {noAnswer} from "./live/no_answer.js";
import {openWebRtc} from "./live/webrtc.js";
import {openWebSocket} from "./live/socket.js";

export class LiveSession {
  constructor(baseUrl = "", token = null) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.token = token;
    this.id = null;
    this.size = 0;
    this.iceServers = [];
    this.state = "closed";
    this.transport = null;
    this.onstate = () => {};
    this.onerror = () => {};
    this._link = null;
    this._microphone = null;
    this._attempt = null; // to connect; another one, or none, once it was given up
  }

  // Show the avatar in a <video>. transport: "webrtc", "websocket", or "auto" for the first that
  // works.
  async connect(videoElement, {avatar, size, transport = "auto"} = {}) {
    const attempt = (this._attempt = {});
    this._setState("connecting");
    try {
      const session = await this.request("POST", "/api/sessions", {json: {avatar, size}});
      this.id = session.id;
      this.size = session.size;
      this.iceServers = session.ice_servers;
      this._check(attempt);
      this._link = await this._openLink(videoElement, transport);
      this._check(attempt);
      this.transport = this._link.name;
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.state === "connecting") this._setState("idle");
    return this;
  }

  async say(text) {
    return this.request("POST", this.path("/say"), {json: {text}});
  }

  // file: a File or Blob with sound, or {samples: Int16Array, rate}.
  async playFile(file) {
    if (file instanceof Blob) return this.request("POST", this.path("/audio"), {body: file});
    return this.request("POST", this.path("/audio"), {
      body: file.samples.buffer,
      type: `audio/pcm;rate=${file.rate}`,
    });
  }

  // The avatar says what the microphone hears.
  async startMicrophone() {
    if (this._microphone) return;
    this._microphone = await openMicrophone();
    try {
      if (!this._link) throw new Error("The conversation has ended.");
      await this._link.startMicrophone(this._microphone);
    } catch (error) {
      this.stopMicrophone();
      throw error;
    }
  }

  stopMicrophone() {
    if (!this._microphone) return;
    this._link?.stopMicrophone();
    for (const track of this._microphone.getTracks()) track.stop();
    this._microphone = null;
  }

  async interrupt() {
    this._link?.cleared();
    return this.request("POST", this.path("/interrupt")).catch((error) => {
      this._link?.said();
      throw error;
    });
  }

  async close() {
    this.stopMicrophone();
    const [link, id] = [this._link, this.id];
    this._link = this.id = this.transport = this._attempt = null;
    link?.close();
    if (id) await this.request("DELETE", `/api/sessions/${id}`).catch(() => {});
    this._setState("closed");
  }

  // {framesShown, framesDropped}
  async stats() {
    return this._link ? this._link.stats() : {framesShown: 0, framesDropped: 0};
  }

  async _openLink(video, transport) {
    const webrtc = () => openWebRtc(this, video);
    const webSocket = () => openWebSocket(this, video);
    if (transport === "webrtc") return webrtc();
    if (transport === "websocket") return webSocket();
    try {
      return await webrtc();
    } catch {
      return webSocket();
    }
  }

  // Whoever closes while it connects wants none of it any more.
  _check(attempt) {
    if (attempt !== this._attempt) throw new Error("The conversation has ended.");
  }

  _setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }

  // What the links call, too (live/). A link has a name, and startMicrophone(stream),
  // stopMicrophone(), cleared(), said(), stats(), close().

  path(rest) {
    if (!this.id) throw new Error("Connect first.");
    return `/api/sessions/${this.id}${rest}`;
  }

  async request(method, path, {json, body, type} = {}) {
    const headers = {};
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (json !== undefined) headers["Content-Type"] = "application/json";
    if (type) headers["Content-Type"] = type;
    const content = json === undefined ? body : JSON.stringify(json);
    const answer = await fetch(this.baseUrl + path, {method, headers, body: content}).catch(
      async () => { throw new Error(await noAnswer(body)); },
    );
    const found = answer.status === 204 ? null : await answer.json().catch(() => ({}));
    if (answer.ok) return found;
    const error = new Error(sentenceOf(found) ?? `The server answered ${answer.status}.`);
    error.status = answer.status;
    throw error;
  }

  lost(sentence) {
    if (!this._link && this.state !== "connecting") return;
    this.onerror(new Error(sentence));
    this.close();
  }

  received(text) {
    const message = JSON.parse(text);
    if (message.type === "state") this._setState(message.state);
    if (message.type === "cleared") this._link?.cleared();
    if (message.type === "said") this._link?.said();
  }
}

function sentenceOf(answer) {
  if (typeof answer?.detail === "string") return answer.detail;
  return answer?.detail?.[0]?.msg ?? null;
}
