// The card of an avatar: its picture and name; to rename, export and delete it.

import { api } from "../api.js";
import { ask } from "../ask.js";
import { el } from "../dom.js";
import { trying } from "../messages.js";
import { when } from "../times.js";

/** changed: called after the avatar was renamed or deleted, or is not there any more. */
export function card(entry, changed) {
  return el("li", { class: "card" }, portrait(entry), tools(entry, changed));
}

function portrait(entry) {
  const picture = { src: api.picture(entry.id), alt: "", width: 384, height: 384, loading: "lazy" };
  return el("a", { class: "portrait", href: `#/talk/${entry.id}` },
    el("img", picture),
    el("span", { class: "name", dir: "auto" }, entry.name),
    el("span", { class: "sub" }, when(entry.made)));
}

function tools(entry, changed) {
  const named = (verb) => ({
    "aria-label": `${verb} ${entry.name}`, "data-key": `${verb} ${entry.id}`,
  });
  const button = (verb, onclick) =>
    el("button", { class: "quiet small", onclick, ...named(verb) }, verb);
  const file = { class: "button quiet small", href: api.file(entry.id), download: "" };
  return el("div", { class: "row tools" },
    button("Rename", () => rename(entry, changed)),
    el("a", { ...file, ...named("Export") }, "Export"),
    button("Delete", () => remove(entry, changed)));
}

async function rename(entry, changed) {
  const name = await ask("Rename", { value: entry.name, label: "Name", yes: "Rename" });
  if (name === null) return;
  await trying(() => api.rename(entry.id, name));
  changed();
}

async function remove(entry, changed) {
  const sure = await ask(`Delete ${entry.name}?`, {
    text: "The avatar and the recording that it was learned from are deleted from this machine. "
      + "Videos that it spoke stay.",
    yes: "Delete", danger: true,
  });
  if (!sure) return;
  await trying(() => api.remove(entry.id));
  changed();
}
