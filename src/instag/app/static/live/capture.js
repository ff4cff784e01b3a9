// The microphone as pieces of s16le mono at 16 kHz, 20 ms each.

const RATE = 16000;

export async function captureSound(microphone, send) {
  const context = new AudioContext({sampleRate: RATE, latencyHint: "interactive"});
  await context.audioWorklet.addModule(new URL("../microphone.js", import.meta.url));
  const node = new AudioWorkletNode(context, "pieces");
  node.port.onmessage = (event) => send(event.data.buffer);
  context.createMediaStreamSource(microphone).connect(node);
  return {close: () => context.close()};
}
