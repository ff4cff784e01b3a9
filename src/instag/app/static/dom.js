// Building blocks of the page: elements, messages, times.

/** An element with properties and children; null children are left out. `on*` are listeners. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key in element && !key.startsWith("aria") && key !== "role" && key !== "for" && key !== "list")
      element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Change a text only where it differs, so that screen readers hear changes alone. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A message that goes away by itself; errors stay longer. */
export function toast(text, kind = "note") {
  const box = el("p", { class: `toast ${kind}`, role: kind === "error" ? "alert" : null }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), kind === "error" ? 12000 : 5000);
}

/** Run something that may fail; its sentence is shown. Returns undefined where it failed. */
export async function trying(work, button = null) {
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    toast(error.message, "error");
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}

/** "4 s", "3 min", "1 h 5 min", in words that do not flicker. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds / 5) * 5)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "0:07" */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A day and a time as this reader's language writes them. */
export function when(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** A dialog that asks; resolves to the text, or true, or null where it was closed. */
export function ask(title, { text = "", value = null, label = "", yes = "OK", danger = false } = {}) {
  return new Promise((resolve) => {
    const input = value === null ? null : el("input", { value, maxLength: 80, id: "ask-input", autocomplete: "off" });
    const dialog = el("dialog", { "aria-labelledby": "ask-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "ask-title" }, title),
        text ? el("p", {}, text) : null,
        input ? el("label", { for: "ask-input" }, label) : null,
        input,
        el("div", { class: "row end" },
          el("button", { value: "no", type: "submit", class: "quiet", formNoValidate: true }, "Cancel"),
          el("button", { value: "yes", type: "submit", class: danger ? "danger" : "primary" }, yes))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? (input ? input.value : true) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    if (input) {
      input.select();
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          dialog.close("yes");
        }
      });
    }
  });
}

/** A field that takes a file by choosing or dropping it. */
export function dropZone({ id, title, hint, accept, onfile }) {
  const input = el("input", { type: "file", id, accept, class: "hidden-input", onchange: () => take(input.files) });
  const zone = el("label", { class: "drop", for: id }, el("strong", {}, title), el("span", {}, hint));
  function take(files) {
    if (files.length) onfile(files[0]);
    input.value = "";
  }
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const name of ["dragleave", "drop"])
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.remove("over"); });
  zone.addEventListener("drop", (event) => take(event.dataTransfer.files));
  return el("div", { class: "drop-wrap" }, input, zone);
}
