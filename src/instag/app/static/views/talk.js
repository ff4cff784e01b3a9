// Talk: live, by text, file and microphone; and videos to keep.

import { api } from "../api.js";
import { el, fill } from "../dom.js";
import { jobs } from "../jobs.js";
import { conversation } from "./talk/conversation.js";
import { videosPanel } from "./talk/videos.js";

export async function talkView(place, id) {
  const [avatar, voice] = await Promise.all([api.avatar(id), api.voice()]);
  const live = conversation(avatar, voice), videos = videosPanel(avatar, voice);
  fill(place, el("h1", {}, avatar.name), live.element, videos.element);
  await jobs.refresh();
  const stop = jobs.listen(videos.show);
  return () => {
    stop();
    live.leave();
  };
}
