// A live session: a talking head in a <video>, by WebRTC, or by WebSocket where UDP is closed.
//
//   const live = new LiveSession("", token);
//   await live.connect(video, {avatar: "me"});   // from a click: browsers let no page sound by itself
//   await live.say("Good morning.");

const FRAME_S = 0.04;
const RATE = 16000;
const SOUND = 1;
const PICTURE = 2; // a JPEG
const CHUNK = 3; // of H.264
const H264 = {codec: "avc1.42E028", optimizeForLatency: true}; // Annex B, as it has no description
const MOST_PICTURES = 12; // that wait for their sound: a hidden page draws none
const CUSHION_S = 0.08; // sound that waits to be played over WebSocket
const WEBRTC_S = 8; // until WebRTC counts as closed
const HUSH_MS = 200; // in which the browser's buffer has played what came before an interruption

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
  }

  // Show the avatar in a <video>. transport: "webrtc", "websocket", or "auto" for the first that works.
  async connect(videoElement, {avatar, size, transport = "auto"} = {}) {
    this._setState("connecting");
    try {
      const session = await this._request("POST", "/api/sessions", {json: {avatar, size}});
      this.id = session.id;
      this.size = session.size;
      this.iceServers = session.ice_servers;
      this._link = await this._openLink(videoElement, transport);
      this.transport = this._link.name;
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.state === "connecting") this._setState("idle");
    return this;
  }

  async say(text) {
    return this._request("POST", this._path("/say"), {json: {text}});
  }

  // file: a File or Blob with sound, or {samples: Int16Array, rate}.
  async playFile(file) {
    if (file instanceof Blob) return this._request("POST", this._path("/audio"), {body: file});
    return this._request("POST", this._path("/audio"), {
      body: file.samples.buffer,
      type: `audio/pcm;rate=${file.rate}`,
    });
  }

  // The avatar says what the microphone hears.
  async startMicrophone() {
    if (this._microphone) return;
    if (!navigator.mediaDevices)
      throw new Error("Browsers give the microphone to https pages and to localhost alone.");
    const sound = {channelCount: 1, echoCancellation: true, noiseSuppression: true};
    this._microphone = await navigator.mediaDevices.getUserMedia({audio: sound});
    await this._link.startMicrophone(this._microphone);
  }

  stopMicrophone() {
    if (!this._microphone) return;
    this._link?.stopMicrophone();
    for (const track of this._microphone.getTracks()) track.stop();
    this._microphone = null;
  }

  async interrupt() {
    this._link?.cleared();
    return this._request("POST", this._path("/interrupt")).catch((error) => {
      this._link?.said();
      throw error;
    });
  }

  async close() {
    this.stopMicrophone();
    const [link, id] = [this._link, this.id];
    this._link = this.id = this.transport = null;
    link?.close();
    if (id) await this._request("DELETE", `/api/sessions/${id}`).catch(() => {});
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

  _path(rest) {
    if (!this.id) throw new Error("Connect first.");
    return `/api/sessions/${this.id}${rest}`;
  }

  async _request(method, path, {json, body, type} = {}) {
    const headers = {};
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    if (json !== undefined) headers["Content-Type"] = "application/json";
    if (type) headers["Content-Type"] = type;
    const answer = await fetch(this.baseUrl + path, {
      method,
      headers,
      body: json === undefined ? body : JSON.stringify(json),
    });
    const found = answer.status === 204 ? null : await answer.json().catch(() => ({}));
    if (answer.ok) return found;
    const error = new Error(sentenceOf(found) ?? `The server answered ${answer.status}.`);
    error.status = answer.status;
    throw error;
  }

  _setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }

  _lost(sentence) {
    if (!this._link && this.state !== "connecting") return;
    this.onerror(new Error(sentence));
    this.close();
  }

  _received(text) {
    const message = JSON.parse(text);
    if (message.type === "state") this._setState(message.state);
    if (message.type === "cleared") this._link?.cleared();
    if (message.type === "said") this._link?.said();
    return message;
  }
}

function sentenceOf(answer) {
  if (typeof answer?.detail === "string") return answer.detail;
  return answer?.detail?.[0]?.msg ?? null;
}

// ---- WebRTC

async function openWebRtc(session, video) {
  if (!window.RTCPeerConnection) throw new Error("This browser has no WebRTC.");
  const peer = new RTCPeerConnection({iceServers: session.iceServers});
  const sound = peer.addTransceiver("audio", {direction: "sendrecv"});
  peer.addTransceiver("video", {direction: "recvonly"});
  const channel = peer.createDataChannel("state");
  channel.onmessage = (event) => session._received(event.data);
  const stream = new MediaStream();
  const hush = new Hush(stream);
  peer.ontrack = (event) => {
    // Frames are shown as they come: the server paces them.
    if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = 0;
    stream.addTrack(event.track);
  };
  video.srcObject = stream;
  video.autoplay = true;
  try {
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const {sdp, type} = peer.localDescription;
    const path = session._path("/offer");
    await peer.setRemoteDescription(await session._request("POST", path, {json: {sdp, type}}));
    await connected(peer);
  } catch (error) {
    peer.close();
    throw error;
  }
  peer.onconnectionstatechange = () => {
    if (["failed", "closed"].includes(peer.connectionState)) session._lost("The connection is lost.");
  };
  await video.play().catch(() => {});
  return {
    name: "webrtc",
    peer,
    cleared: () => hush.begin(),
    said: () => hush.end(),
    startMicrophone: (microphone) => sound.sender.replaceTrack(microphone.getAudioTracks()[0]),
    stopMicrophone: () => sound.sender.replaceTrack(null),
    stats: async () => {
      const found = {framesShown: 0, framesDropped: 0};
      for (const each of (await peer.getStats()).values())
        if (each.type === "inbound-rtp" && each.kind === "video") {
          found.framesShown = each.framesDecoded - (each.framesDropped ?? 0);
          found.framesDropped = each.framesDropped ?? 0;
        }
      return found;
    },
    close: () => {
      peer.onconnectionstatechange = null;
      peer.close();
      video.srcObject = null;
    },
  };
}

// Silence from an interruption on: what was sent before it is in the browser's buffer, and is not heard.
class Hush {
  constructor(stream) {
    this.stream = stream;
    this.since = 0;
    this.timer = null;
  }

  begin() {
    clearTimeout(this.timer);
    this.since = performance.now();
    this._hear(false);
  }

  // Something new is said.
  end() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._hear(true), this.since + HUSH_MS - performance.now());
  }

  _hear(on) {
    for (const track of this.stream.getAudioTracks()) track.enabled = on;
  }
}

function gathered(peer) {
  return new Promise((resolve) => {
    const done = () => peer.iceGatheringState === "complete" && resolve();
    peer.onicegatheringstatechange = done;
    setTimeout(resolve, 1000 * (WEBRTC_S / 4));
    done();
  });
}

function connected(peer) {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error("WebRTC finds no way to the server."));
    const timer = setTimeout(fail, 1000 * WEBRTC_S);
    const look = () => {
      if (peer.connectionState === "connected") resolve(clearTimeout(timer));
      if (peer.connectionState === "failed") fail();
    };
    peer.onconnectionstatechange = look;
    look();
  });
}

// ---- WebSocket: sound sets the clock, and each picture is drawn when its sound is heard.

async function openWebSocket(session, video) {
  const url = new URL(session.baseUrl + session._path("/stream"), location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (session.token) url.searchParams.set("token", session.token);
  const context = new AudioContext({latencyHint: "interactive"});
  context.resume().catch(() => {});
  const player = new Player(context, video, session.size);
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("The server cannot be reached."));
    socket.onclose = (event) => reject(new Error(event.reason || "The server refused the stream."));
  }).catch((error) => {
    player.close();
    throw error;
  });
  socket.onclose = (event) => session._lost(event.reason || "The connection is lost.");
  socket.onmessage = (event) => {
    if (typeof event.data === "string") session._received(event.data);
    else player.take(event.data);
  };
  const ask = (codec) => socket.send(JSON.stringify({type: "pictures", codec}));
  if (await decodesH264()) {
    player.decodeWith(() => ask("jpeg"));
    ask("h264");
  }
  await video.play().catch(() => {});
  let capture = null;
  return {
    name: "websocket",
    cleared: () => player.clear(),
    said: () => {},
    startMicrophone: async (microphone) => {
      capture = await captureSound(microphone, (samples) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(samples);
      });
    },
    stopMicrophone: () => {
      capture?.close();
      capture = null;
      if (socket.readyState === WebSocket.OPEN)
        socket.send(JSON.stringify({type: "microphone", on: false}));
    },
    stats: async () => ({framesShown: player.shown, framesDropped: player.dropped, codec: player.codec}),
    close: () => {
      socket.onclose = null;
      socket.close();
      capture?.close();
      player.close();
      video.srcObject = null;
    },
  };
}

async function decodesH264() {
  if (!window.VideoDecoder) return false;
  return VideoDecoder.isConfigSupported(H264).then((found) => found.supported, () => false);
}

class Player {
  constructor(context, video, size) {
    this.context = context;
    this.canvas = Object.assign(document.createElement("canvas"), {width: size, height: size});
    this.pen = this.canvas.getContext("2d");
    this.output = context.createMediaStreamDestination();
    this.start = null; // time of frame 0 on the context's clock
    this.pictures = []; // [time at which it is shown, ImageBitmap or VideoFrame], in their order
    this.decoder = null;
    this.codec = null; // of the last picture
    this.sources = new Set();
    this.shown = this.dropped = 0;
    const tracks = [...this.canvas.captureStream().getTracks(), ...this.output.stream.getTracks()];
    video.srcObject = new MediaStream(tracks);
    this.closed = false;
    this._draw();
  }

  take(data) {
    const head = new DataView(data);
    const [kind, number] = [head.getUint8(0), head.getUint32(4, true)];
    if (kind === SOUND) this._play(number, new Int16Array(data, 8));
    if (kind === PICTURE) this._decode(number, data);
    if (kind === CHUNK) this._decodeChunk(number, head.getUint8(1), new Uint8Array(data, 8));
  }

  // Take H.264 from now on. fail: asks for JPEG.
  decodeWith(fail) {
    this.decoder = new VideoDecoder({
      output: (frame) => this._keep(Math.round(frame.timestamp / (1e6 * FRAME_S)), frame, "h264"),
      error: () => {
        this.decoder = null;
        if (!this.closed) fail();
      },
    });
    this.decoder.configure(H264);
  }

  clear() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }

  close() {
    this.closed = true;
    this.clear();
    if (this.decoder?.state === "configured") this.decoder.close();
    for (const [, picture] of this.pictures.splice(0)) picture.close();
    this.context.close();
  }

  _play(number, samples) {
    const now = this.context.currentTime;
    // Too late, or far too early after a pause of the page: the clock begins anew.
    if (this.start === null || this._time(number) < now || this._time(number) > now + 1)
      this.start = now + CUSHION_S - number * FRAME_S;
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.output);
    source.onended = () => this.sources.delete(source);
    source.start(this._time(number));
    this.sources.add(source);
  }

  async _decode(number, data) {
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 8)], {type: "image/jpeg"}));
    this._keep(number, picture, "jpeg");
  }

  _decodeChunk(number, key, data) {
    if (this.decoder?.state !== "configured") return;
    const type = key ? "key" : "delta";
    this.decoder.decode(new EncodedVideoChunk({type, timestamp: number * 1e6 * FRAME_S, data}));
  }

  _keep(number, picture, codec) {
    if (this.start === null || this.closed) return picture.close();
    this.codec = codec;
    this.pictures.push([this._time(number), picture]);
    if (this.pictures.length > MOST_PICTURES) this.pictures.shift()[1].close();
  }

  _time(number) {
    return this.start + number * FRAME_S;
  }

  _draw() {
    if (this.closed) return;
    requestAnimationFrame(() => this._draw());
    const now = this.context.currentTime;
    let due = null;
    while (this.pictures.length && this.pictures[0][0] <= now) {
      if (due) {
        this.dropped += 1;
        due.close();
      }
      due = this.pictures.shift()[1];
    }
    if (!due) return;
    this.pen.drawImage(due, 0, 0, this.canvas.width, this.canvas.height);
    due.close();
    this.shown += 1;
  }
}

// The microphone as pieces of s16le mono at 16 kHz, 20 ms each.
async function captureSound(microphone, send) {
  const context = new AudioContext({sampleRate: RATE, latencyHint: "interactive"});
  await context.audioWorklet.addModule(new URL("./microphone.js", import.meta.url));
  const node = new AudioWorkletNode(context, "pieces");
  node.port.onmessage = (event) => send(event.data.buffer);
  context.createMediaStreamSource(microphone).connect(node);
  return {close: () => context.close()};
}
