// The microphone as a stream.

const SOUND = {channelCount: 1, echoCancellation: true, noiseSuppression: true};

// Throws an Error whose message says what to do.
export async function openMicrophone() {
  if (!navigator.mediaDevices)
    throw new Error("Browsers give the microphone to https pages and to localhost alone.");
  try {
    return await navigator.mediaDevices.getUserMedia({audio: SOUND});
  } catch (error) {
    throw new Error(refusal(error));
  }
}

function refusal({name}) {
  if (name === "NotAllowedError")
    return "The browser may not use the microphone. Allow it at the left of its address bar, "
      + "then try again.";
  return `No microphone could be opened (${name}). Plug one in, or close other programs that `
    + "use it.";
}
