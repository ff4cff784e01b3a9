// A session's link by WebRTC: the browser keeps sound and pictures together.

const WEBRTC_S = 8; // until WebRTC counts as closed
const HUSH_MS = 200; // in which the browser's buffer has played what came before an interruption

export async function openWebRtc(session, video) {
  if (!window.RTCPeerConnection) throw new Error("This browser has no WebRTC.");
  const peer = new RTCPeerConnection({iceServers: session.iceServers});
  const sound = peer.addTransceiver("audio", {direction: "sendrecv"});
  peer.addTransceiver("video", {direction: "recvonly"});
  const channel = peer.createDataChannel("state");
  channel.onmessage = (event) => session.received(event.data);
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
    const path = session.path("/offer");
    await peer.setRemoteDescription(await session.request("POST", path, {json: {sdp, type}}));
    await connected(peer);
  } catch (error) {
    peer.close();
    throw error;
  }
  peer.onconnectionstatechange = () => {
    if (["failed", "closed"].includes(peer.connectionState))
      session.lost("The connection is lost.");
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

// Silence from an interruption on: what was sent before it is in the browser's buffer, and is not
// heard.
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
