// New: a recording or a file, then a name, and the learning begins.

import { api } from "../api.js";
import { openCamera } from "./new/camera.js";
import { recordStep } from "./new/record.js";
import { reviewStep } from "./new/review.js";
import { startStep } from "./new/start.js";

export async function newView(place) {
  const script = await api.script();
  let leave = () => {}, gone = false;

  async function begin() {
    leave();
    leave = () => {};
    const cutOff = await api.recordings().catch(() => []);
    if (!gone) startStep(place, script, { record, file, cutOff, found, begin });
  }

  async function record() {
    leave();
    leave = recordStep(place, script, await openCamera(), { begin, recorded });
  }

  function review(source) {
    leave();
    leave = reviewStep(place, script, { ...source, begin });
  }

  const file = (given) => review({ given, spoken: false });

  function recorded(blob, ending, keeper) {
    const given = new File([blob], `recording${ending}`, { type: blob.type });
    const again = async () => { await keeper.drop(); await record(); };
    review({ given, spoken: true, again, kept: () => keeper.kept() });
  }

  function found({ id }) {
    const again = async () => { await api.removeRecording(id); await record(); };
    review({ address: api.recording(id), spoken: true, again, kept: async () => id });
  }

  await begin();
  return () => {
    gone = true;
    leave();
  };
}
