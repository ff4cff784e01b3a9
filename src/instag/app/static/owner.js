// Whose jobs these are: a number that this browser keeps, for fair turns.

const OWNER = "instag-owner";

const hexadecimal = (byte) => byte.toString(16).padStart(2, "0");

const chosen = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), hexadecimal).join("");

function kept() {
  try {
    const name = localStorage.getItem(OWNER) || chosen();
    localStorage.setItem(OWNER, name);
    return name;
  } catch {
    return chosen(); // no storage here
  }
}

export const owner = kept();
