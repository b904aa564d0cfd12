// Pictures that people hand over: files, what they paste or drop.

const MOST_PIXELS = 64e6; // of a picture; cameras of phones take 50 million

/** The pixels of a file, turned as its camera says: `{ width, height, data }`. Throws an Error that says why not. */
export async function pixelsOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name || "this"} is no picture that this browser can open`);
  }
  if (bitmap.width * bitmap.height > MOST_PIXELS) {
    throw new Error(`a picture of ${bitmap.width}x${bitmap.height} pixels is too large: at most 64 million are read`);
  }
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** The first picture among what was dropped or pasted; undefined where there is none. */
export function pictureAmong(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
}

/** Whether a transfer holds files at all, of any kind. */
export function holdsFiles(transfer) {
  return [...(transfer?.types ?? [])].includes("Files");
}
