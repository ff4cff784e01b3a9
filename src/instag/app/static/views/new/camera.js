// The camera with its microphone.

const VIDEO = {
  width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user",
};
const AUDIO = {
  channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false,
};

/** A stream of both. Throws an Error whose message says what to do. */
export async function openCamera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: VIDEO, audio: AUDIO });
  } catch (error) {
    throw new Error(refusal(error));
  }
}

function refusal({ name }) {
  if (name === "NotAllowedError")
    return "The browser may not use camera and microphone. Allow both at the left of its address "
      + "bar, then try again.";
  if (name === "NotFoundError")
    return "No camera, or no microphone, was found. Plug in what is missing, or choose a file.";
  if (name === "NotReadableError")
    return "Camera and microphone do not start; often another program uses them. Close it and try "
      + "again, or choose a file.";
  return `Camera and microphone could not be opened (${name}). Choose a file instead.`;
}
