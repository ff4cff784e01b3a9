// The page: which view is shown, by the address's part after #.

import { el, fill } from "./dom.js";
import { jobs } from "./jobs.js";
import { forgetErrors } from "./messages.js";
import { keepSending } from "./sending.js";
import { avatarsView } from "./views/avatars.js";
import { newView } from "./views/new.js";
import { watchView } from "./views/watch.js";
import { talkView } from "./views/talk.js";
import { verifyView } from "./views/verify.js";

const ROUTES = [
  [/^\/$/, "avatars", "Avatars", avatarsView],
  [/^\/new$/, "new", "New avatar", newView],
  [/^\/job\/([0-9a-f]{16})$/, "new", "Learning", watchView],
  [/^\/talk\/([0-9a-f]{16})$/, "avatars", "Talk", talkView],
  [/^\/verify$/, "verify", "Verify", verifyView],
];

const main = document.getElementById("main");
let leave = null;
let turn = 0;

/** The route of a path, with what its pattern found. */
function routeOf(path) {
  for (const [pattern, page, title, view] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return { page, title, view, found: match.slice(1) };
  }
  return null;
}

async function show() {
  const route = routeOf(location.hash.slice(1) || "/");
  if (!route) {
    location.replace("#/");
    return;
  }
  const mine = ++turn;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  if (leave) leave();
  leave = null;
  forgetErrors();
  keepSending(main);
  markLink(route.page);
  document.title = `${route.title} · instag`;
  const place = el("div", { class: `view ${route.page}` });
  fill(main, place);
  scrollTo(0, 0);
  try {
    const left = await route.view(place, ...route.found);
    if (mine === turn) leave = left || null;
    else if (left) left();
  } catch (error) {
    showFailure(place, error);
  }
  if (mine > 1) focusHeading(place);
}

function markLink(page) {
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showFailure(place, error) {
  fill(place,
    el("h1", {}, "This did not work"),
    el("p", { role: "alert" }, error.message),
    el("p", { class: "row wrap" },
      el("button", { class: "primary", onclick: show }, "Try again"),
      el("a", { class: "button", href: "#/" }, "Back to all avatars")));
}

function focusHeading(place) {
  const heading = place.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/** The part of an address after # is a view's: the link's own would leave it. */
function skip(event) {
  event.preventDefault();
  main.focus();
}

/** A file that falls beside its field would open in place of the page. */
function refuseFiles(event) {
  if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "none";
}

for (const name of ["dragover", "drop"]) addEventListener(name, refuseFiles);
document.querySelector(".skip").addEventListener("click", skip);
addEventListener("hashchange", show);
addEventListener("pagehide", () => leave && leave());
show();
jobs.begin();
