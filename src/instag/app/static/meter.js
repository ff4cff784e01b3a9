// The sound of a stream, judged by the same limits as the quality report of a clip.

const FAINT_DB = -36, VERY_FAINT_DB = -52, FULL = 0.985, MOST_CLIPPED = 0.01;
const REMEMBERED = 100, EVERY_MS = 50;
const OVERLOADED = {
  grade: "fair",
  message: "The sound is overloaded. Speak further from the microphone, or lower its level.",
};
const SILENT = {
  grade: "poor",
  message: "Nothing is heard yet. Say some words to test the microphone.",
};
const FAINT = {
  grade: "fair",
  message: "The sound is faint. Speak nearer to the microphone.",
};
const GOOD = { grade: "good", message: "" };

/** Measures loudness in pieces of 50 ms over the last five seconds. */
export class SoundMeter {
  constructor(stream) {
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
    this.levels = [];
    this.clipped = 0;
    this.timer = setInterval(() => this.measure(), EVERY_MS);
  }

  measure() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let power = 0, full = 0;
    for (const sample of this.samples) {
      power += sample * sample;
      full += Math.abs(sample) >= FULL;
    }
    this.levels.push(20 * Math.log10(Math.sqrt(power / this.samples.length) + 1e-5));
    if (this.levels.length > REMEMBERED) this.levels.shift();
    this.clipped = Math.max(this.clipped * 0.98, full / this.samples.length);
  }

  /** As the server's checks are. */
  check() {
    const { grade, message } = this.judge();
    return { aspect: "sound", grade, message };
  }

  judge() {
    if (this.clipped > MOST_CLIPPED) return OVERLOADED;
    const loudest = [...this.levels].sort((one, other) => other - one);
    const loud = loudest[Math.floor(this.levels.length / 20)] ?? -100;
    if (loud < VERY_FAINT_DB) return SILENT;
    return loud < FAINT_DB ? FAINT : GOOD;
  }

  close() {
    clearInterval(this.timer);
    this.context.close();
  }
}
