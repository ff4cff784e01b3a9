// Why a request got no answer, as a sentence.

/** body: what was sent. */
export async function noAnswer(body) {
  if (body instanceof Blob && !(await isReadable(body)))
    return "This file cannot be read: it was changed or moved, or it is a folder. Choose it again.";
  return "The server does not answer. Is instag still running?";
}

const isReadable = (blob) => blob.slice(0, 1).arrayBuffer().then(() => true, () => false);
