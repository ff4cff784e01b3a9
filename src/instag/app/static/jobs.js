// All jobs, told again at each change; one connection for the whole page.

import { api } from "./api.js";

const RETRY_MS = 2000;

export const jobs = {
  now: null,
  listeners: new Set(),
  source: null,

  /** Calls the listener with all jobs, now and at each change. Returns how to stop. */
  listen(listener) {
    this.listeners.add(listener);
    if (this.now) listener(this.now);
    return () => this.listeners.delete(listener);
  },

  /** Ask now, for what was added a moment ago. */
  async refresh() {
    this.now = await api.jobs();
  },

  /** Begin. A page that nobody looks at holds no connection: browsers allow a server few. */
  begin() {
    const look = () => (document.hidden ? this.close() : this.source || this.open());
    document.addEventListener("visibilitychange", look);
    look();
  },

  close() {
    this.source?.close();
    this.source = null;
  },

  open() {
    const banner = document.getElementById("offline");
    this.source = new EventSource("/api/jobs/events");
    this.source.onmessage = (event) => {
      banner.hidden = true;
      this.now = JSON.parse(event.data).jobs;
      for (const listener of [...this.listeners]) listener(this.now);
    };
    this.source.onopen = () => { banner.hidden = true; };
    this.source.onerror = () => {
      banner.hidden = false;
      if (this.source.readyState === EventSource.CLOSED) this.openLater();
    };
  },

  /** A refusal is not tried again by itself. */
  openLater() {
    this.source = null;
    setTimeout(() => this.source || document.hidden || this.open(), RETRY_MS);
  },
};
