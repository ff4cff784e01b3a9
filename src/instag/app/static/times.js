// Times as people read them.

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
  const style = { dateStyle: "medium", timeStyle: "short" };
  return new Date(seconds * 1000).toLocaleString(undefined, style);
}
