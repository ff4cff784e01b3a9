// Plays what comes over a WebSocket: sound on the clock of an AudioContext, pictures on a canvas.

const FRAME_S = 0.04;
const RATE = 16000;
const SOUND = 1;
const PICTURE = 2; // a JPEG
const CHUNK = 3; // of H.264
const H264 = {codec: "avc1.42E028", optimizeForLatency: true}; // Annex B, as it has no description
const MOST_PICTURES = 12; // that wait for their sound: a hidden page draws none
const CUSHION_S = 0.08; // sound that waits to be played

export async function decodesH264() {
  if (!window.VideoDecoder) return false;
  return VideoDecoder.isConfigSupported(H264).then((found) => found.supported, () => false);
}

export class Player {
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

  stats() {
    return {framesShown: this.shown, framesDropped: this.dropped, codec: this.codec};
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
    const file = new Blob([new Uint8Array(data, 8)], {type: "image/jpeg"});
    this._keep(number, await createImageBitmap(file), "jpeg");
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
