// Names of avatars, as the server takes them.

export const MOST_LETTERS = 80;
const ENDING = /\.[^.]*$/;
const NOT_SHOWN = /(?![\u200c\u200d])\p{C}/gu; // joiners are letters of some languages

/** What a file is called, as a name to begin with; empty where nothing is left of it. */
export function nameOf(file) {
  const shown = file.name.replace(ENDING, "").replace(NOT_SHOWN, "").trim();
  return [...shown].slice(0, MOST_LETTERS).join("").trim();
}
