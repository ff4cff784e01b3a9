// A recording: the browser's recorder, whose pieces are kept here and by the server.

import { Keeper } from "../../keeper.js";

const TYPES = [
  "video/mp4;codecs=avc1.640028,opus", "video/mp4;codecs=avc1.640028,mp4a.40.2", "video/mp4",
  "video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm",
];
const PIECE_MS = 1000;
const RATES = {
  videoBitsPerSecond: 6_000_000, audioBitsPerSecond: 128_000,
  videoKeyFrameIntervalDuration: PIECE_MS, // a piece of an MP4 begins with a key frame
};

export class Recording {
  /** over: called with the file, its ending and its keeper; failed: with a sentence. */
  constructor(stream, { over, failed }) {
    const mimeType = TYPES.find((each) => MediaRecorder.isTypeSupported(each)) || "";
    const parts = [], keeper = new Keeper(endingOf(mimeType));
    const recorder = this.recorder = new MediaRecorder(stream, { mimeType, ...RATES });
    recorder.ondataavailable = ({ data }) => {
      parts.push(data);
      keeper.add(data);
    };
    recorder.onstop = () => {
      const type = recorder.mimeType;
      over(new Blob(parts, { type }), endingOf(type), keeper);
    };
    recorder.onerror = ({ error }) => failed(sentence(error));
    recorder.start(PIECE_MS);
    this.began = performance.now();
  }

  get seconds() {
    return (performance.now() - this.began) / 1000;
  }

  stop() {
    if (this.recorder.state === "recording") this.recorder.stop();
  }
}

const endingOf = (type) => (type.includes("mp4") ? ".mp4" : ".webm");

const sentence = (error) =>
  `The recording stopped: ${error?.message ?? "the browser does not say why"}.`;
