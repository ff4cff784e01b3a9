// A session's link by WebSocket: sound sets the clock, and each picture is drawn when its sound is
// heard.

import {captureSound} from "./capture.js";
import {Player, decodesH264} from "./player.js";

export async function openWebSocket(session, video) {
  const url = new URL(session.baseUrl + session.path("/stream"), location.href);
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
  socket.onclose = (event) => session.lost(event.reason || "The connection is lost.");
  socket.onmessage = (event) => {
    if (typeof event.data === "string") session.received(event.data);
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
    stats: async () => player.stats(),
    close: () => {
      socket.onclose = null;
      socket.close();
      capture?.close();
      player.close();
      video.srcObject = null;
    },
  };
}
