// The page: which view is shown, by the address's part after #.

import { el, fill } from "./dom.js";
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

async function show() {
  const path = location.hash.slice(1) || "/";
  const found = ROUTES.map(([pattern, ...rest]) => [pattern.exec(path), ...rest]).find(([match]) => match);
  if (!found) {
    location.replace("#/");
    return;
  }
  const [match, page, title, view] = found;
  const mine = ++turn;
  if (leave) leave();
  leave = null;
  for (const link of document.querySelectorAll("nav a"))
    link.toggleAttribute("aria-current", link.dataset.page === page) && link.setAttribute("aria-current", "page");
  document.title = `${title} · instag`;
  const place = el("div", { class: `view ${page}` });
  fill(main, place);
  scrollTo(0, 0);
  try {
    const left = await view(place, ...match.slice(1));
    if (mine === turn) leave = left || null;
    else if (left) left();
  } catch (error) {
    fill(place, el("h1", {}, "This did not work"), el("p", { role: "alert" }, error.message),
      el("p", {}, el("a", { class: "button", href: "#/" }, "Back to all avatars")));
  }
  const heading = place.querySelector("h1");
  if (heading && mine > 1) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

addEventListener("hashchange", show);
addEventListener("pagehide", () => leave && leave());
show();
