// New: a recording or a file, then a name, and the learning begins.

import { api } from "../api.js";
import { openCamera } from "./new/camera.js";
import { recordStep } from "./new/record.js";
import { reviewStep } from "./new/review.js";
import { startStep } from "./new/start.js";

export async function newView(place) {
  const script = await api.script();
  let leave = () => {}, turn = 0;

  /** Show another step, which returns how to leave it. */
  function go(step) {
    turn += 1;
    leave();
    leave = step();
  }

  async function begin() {
    const mine = ++turn;
    const cutOff = await api.recordings().catch(() => []);
    if (mine === turn) go(() => startStep(place, script, { record, file, cutOff, found, begin }));
  }

  /** forget: removes an earlier recording, once the camera is there for another one. */
  async function record(forget = async () => {}) {
    const mine = ++turn;
    const stream = await openCamera();
    if (mine === turn) await forget().catch(() => {}); // the server does so after a week
    if (mine === turn) go(() => recordStep(place, script, stream, { begin, recorded }));
    else for (const track of stream.getTracks()) track.stop(); // somebody went elsewhere meanwhile
  }

  const review = (source) => go(() => reviewStep(place, script, { ...source, begin }));

  const file = (given) => review({ given, spoken: false });

  function recorded(blob, ending, keeper) {
    const given = new File([blob], `recording${ending}`, { type: blob.type });
    const forget = () => keeper.drop(), kept = () => keeper.kept();
    review({ given, spoken: true, again: () => record(forget), kept, forget });
  }

  function found({ id }) {
    const again = () => record(() => api.removeRecording(id));
    review({ address: api.recording(id), spoken: true, again, kept: async () => id });
  }

  await begin();
  return () => {
    turn += 1;
    leave();
  };
}
