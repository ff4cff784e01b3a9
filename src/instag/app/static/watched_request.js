// A request that sends much: it tells how far it is, and can be stopped.

/** As fetch. progress: called with the share of the body that was sent. Rejects with AbortError
    where the signal stopped it. */
export function watchedRequest(address, { method, body, headers, signal, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of what it sends
    request.open(method, address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress(loaded / Math.max(total, 1));
    request.upload.onload = () => progress(1);
    request.onload = () => resolve(answerOf(request));
    request.onerror = () => reject(new TypeError("no answer"));
    request.onabort = () => reject(new DOMException("It was stopped.", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(body.slice()); // a file itself is sent as it is now, changed or not
  });
}

const answerOf = ({ status, responseText }) => new Response(responseText || null, { status });
