// Keeper: sends a recording piece by piece while it goes on, so that a killed tab loses a second.

import { api } from "./api.js";

export class Keeper {
  constructor(ending) {
    this.count = 0;
    this.whole = true; // the server has all pieces until now
    this.begun = api.beginRecording(ending).then((made) => made.id);
    this.work = this.begun.catch(() => { this.whole = false; });
  }

  add(piece) {
    if (!piece.size) return;
    const number = this.count++;
    this.work = this.work.then(async () => {
      if (this.whole) await api.sendPiece(await this.begun, number, piece);
    }).catch(() => { this.whole = false; });
  }

  /** Its identifier once all pieces are there; empty where not: the page sends the whole. */
  async kept() {
    await this.work;
    return this.whole ? this.begun : "";
  }

  async drop() {
    await this.work;
    await this.begun.then((id) => api.removeRecording(id)).catch(() => {});
  }
}
