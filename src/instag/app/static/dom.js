// Building blocks of the page: elements and what they hold.

const ATTRIBUTES = new Set(["role", "for", "list"]); // properties of these names are others

/** An element with properties and children; null children are left out. `on*` are listeners. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties))
    if (!isMissing(value)) setProperty(element, key, value);
  element.append(...present(children));
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/** Change a text only where it differs, so that screen readers hear changes alone. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const isMissing = (value) => value === undefined || value === null || value === false;

const present = (children) => children.flat().filter((child) => !isMissing(child));

function setProperty(element, key, value) {
  const isProperty = key in element && !key.startsWith("aria") && !ATTRIBUTES.has(key);
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "class") element.className = value;
  else if (isProperty) element[key] = value;
  else element.setAttribute(key, value === true ? "" : value);
}
