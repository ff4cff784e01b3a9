// The sound of a stream, judged by the same limits as the quality report of a clip.

const FAINT_DB = -36, VERY_FAINT_DB = -52, OVERLOADED = 0.985, REMEMBERED = 100, EVERY_MS = 50;

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
      full += Math.abs(sample) >= OVERLOADED;
    }
    this.levels.push(20 * Math.log10(Math.sqrt(power / this.samples.length) + 1e-5));
    if (this.levels.length > REMEMBERED) this.levels.shift();
    this.clipped = Math.max(this.clipped * 0.98, full / this.samples.length);
  }

  /** As the server's checks are. */
  check() {
    const loud = [...this.levels].sort((one, other) => other - one)[Math.floor(this.levels.length / 20)] ?? -100;
    if (this.clipped > 0.01)
      return { aspect: "sound", grade: "fair", message: "The sound is overloaded. Speak further from the microphone, or lower its level." };
    if (loud < VERY_FAINT_DB) return { aspect: "sound", grade: "poor", message: "Nothing is heard yet. Say some words to test the microphone." };
    if (loud < FAINT_DB) return { aspect: "sound", grade: "fair", message: "The sound is faint. Speak nearer to the microphone." };
    return { aspect: "sound", grade: "good", message: "" };
  }

  close() {
    clearInterval(this.timer);
    this.context.close();
  }
}
