// The model: WebAssembly, what it is, and what makes its image of a picture. Nothing here knows of a page.

const MOST_SIDE = 4096; // pixels; what is larger is averaged down, as the code in C takes no more
const LARGE = 100; // log-probabilities beyond which a tolerance grows in proportion
const SEVERAL = 2; // the status of a picture that holds more than one digit
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
];
const SIMD_TAIL = [11]; // the smallest module with an instruction of vectors, in two lines

/**
 * A loaded model.
 *
 * Its constructor is for `openModel`, which checks it first.
 */
export class Model {
  constructor(exports, metadata, build) {
    this.exports = exports;
    this.metadata = metadata;
    this.build = build;
    this.names = metadata.names;
    this.input = metadata.input;
  }

  /** Whether several digits can be found in a picture. */
  get findsDigits() {
    return "find" in this.exports;
  }

  /** Log-probabilities of one image: bytes, channel by channel, row by row. */
  logProbs(image) {
    const { channels, height, width } = this.input;
    if (image.length !== channels * height * width) {
      throw new RangeError(`an image has ${channels} x ${height} x ${width} bytes, not ${image.length}`);
    }
    this.#bytes(this.exports.image(), image.length).set(image);
    return this.#answer();
  }

  /** Label, name, confidence and probabilities of one image. */
  predict(image) {
    return this.#describe(this.logProbs(image));
  }

  /**
   * What a picture shows: `{ width, height, data }` with red, green, blue and alpha of each pixel, as ImageData has it.
   * Returns `{ width, height, found, reason }`: of each thing found its box, its image and its answer, or the reason why
   * it has none; and the reason why nothing was found.
   */
  read(picture) {
    const small = averageDown(picture, MOST_SIDE);
    const whole = { box: [0, 0, small.width, small.height] };
    if (!("read" in this.exports)) {
      return { ...size(small), ...this.#readExactly(small, whole) };
    }
    this.#put(this.input.channels === 1 ? greyOf(small) : coloursOf(small));
    if (!this.findsDigits) {
      return { ...size(small), ...this.#listOf(this.#take(this.exports.read(small.width, small.height), whole)) };
    }
    return { ...size(small), ...this.#readDigits(small, whole) };
  }

  /** Compare its answers to the certificate's images with those in the certificate. Returns the reason against it. */
  check() {
    const { images, expected, tolerances } = this.metadata.certificate;
    const pixels = images.length / expected.length;
    for (const [index, wanted] of expected.entries()) {
      const found = this.logProbs(images.subarray(index * pixels, (index + 1) * pixels));
      const apart = Math.max(...found.map((value, at) => Math.abs(value - wanted[at])));
      if (!(apart <= tolerances[index])) {
        return `golden image ${index + 1} of ${expected.length} is answered ${Number(apart.toPrecision(2))} from the trained model`;
      }
    }
    return "";
  }

  /** One digit, as C and Python read it; where these say that there are several, each of them. */
  #readDigits(picture, whole) {
    const one = this.#take(this.exports.read(picture.width, picture.height), whole);
    const count = one.answer || one.status === SEVERAL ? this.exports.find(picture.width, picture.height) : 0;
    if (one.answer) {
      return { found: [{ ...one, ...(count === 1 ? this.#places(1)[0] : whole) }], reason: "" };
    }
    if (count < 2) {
      return { found: [], reason: one.reason };
    }
    const found = this.#places(count).map((place, digit) =>
      this.#take(this.exports.read_part(digit, picture.width), place),
    );
    return { found, reason: "" };
  }

  #places(count) {
    const numbers = new Int32Array(this.exports.memory.buffer, this.exports.places(), 8 * count).slice();
    return Array.from({ length: count }, (_, digit) => ({ box: [...numbers.subarray(8 * digit, 8 * digit + 4)] }));
  }

  #readExactly(picture, whole) {
    const { channels, height, width } = this.input;
    if (picture.width !== width || picture.height !== height) {
      const given = `${picture.width}x${picture.height}`;
      return { found: [], reason: `this model takes pictures of ${width}x${height} pixels, and this one has ${given}` };
    }
    const pixels = channels === 1 ? greyOf(picture) : coloursOf(picture);
    const image = pixels.map((_, at) => pixels[(at % (height * width)) * channels + Math.floor(at / (height * width))]);
    return { found: [{ ...whole, image, answer: this.predict(image) }], reason: "" };
  }

  #listOf(one) {
    return one.answer ? { found: [one], reason: "" } : { found: [], reason: one.reason };
  }

  #take(status, place) {
    if (status !== 0) {
      return { ...place, status, reason: this.#text(this.exports.reason(status)) };
    }
    const { channels, height, width } = this.input;
    const image = this.#bytes(this.exports.image(), channels * height * width).slice();
    return { ...place, image, answer: this.#describe(this.#answer()) };
  }

  #answer() {
    if (this.exports.predict() !== 0) {
      throw new Error("the model refused its own memory");
    }
    return new Float32Array(this.exports.memory.buffer, this.exports.log_probs(), this.names.length).slice();
  }

  #describe(logProbs) {
    const most = Math.max(...logProbs);
    const shares = [...logProbs].map((value) => Math.exp((value - most) / this.metadata.temperature));
    const sum = shares.reduce((total, share) => total + share, 0);
    const probabilities = shares.map((share) => share / sum);
    const label = logProbs.indexOf(most);
    return { label, name: this.names[label], confidence: probabilities[label], probabilities, logProbs };
  }

  #put(pixels) {
    const place = this.exports.picture(pixels.length);
    if (place === 0) {
      throw new RangeError("there isn't enough memory for this picture");
    }
    this.#bytes(place, pixels.length).set(pixels);
  }

  #bytes(place, length) {
    return new Uint8Array(this.exports.memory.buffer, place, length);
  }

  #text(place) {
    const bytes = new Uint8Array(this.exports.memory.buffer, place);
    return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  }
}

/**
 * Unpack a model, compile it and check it.
 *
 * `source` holds the two blocks of a page as text: `metadata` and `model`. `build` is "simd" or "scalar"; without it
 * the one that runs here. Throws an Error that says why the model isn't what it was, or can't run.
 */
export async function openModel(source, build = supportsSimd() ? "simd" : "scalar") {
  const props = JSON.parse(source.metadata).props;
  await requireDigest(source.model, JSON.parse(props.payload_parts).model);
  const packed = JSON.parse(source.model);
  const [code, data] = await Promise.all([inflate(packed.code[build]), inflate(packed.data)]);
  const { instance } = await WebAssembly.instantiate(concatenate(code, data));
  const model = new Model(instance.exports, await metadataOf(props), build);
  const reason = model.check();
  if (reason) {
    throw new Error(reason);
  }
  return model;
}

/** Whether WebAssembly has vectors here. */
export function supportsSimd() {
  return WebAssembly.validate(new Uint8Array([...SIMD, ...SIMD_TAIL]));
}

/** Grey levels, as Pillow makes them of colours (ITU-R 601-2, in whole numbers). */
export function greyOf(picture) {
  const { data } = opaque(picture);
  const grey = new Uint8Array(data.length / 4);
  for (let at = 0; at < grey.length; at++) {
    grey[at] = greyAt(data, 4 * at);
  }
  return grey;
}

/** Red, green and blue of each pixel, side by side. */
export function coloursOf(picture) {
  const { data } = opaque(picture);
  const colours = new Uint8Array((data.length / 4) * 3);
  for (let at = 0; at < colours.length; at++) {
    colours[at] = data[Math.floor(at / 3) * 4 + (at % 3)];
  }
  return colours;
}

function greyAt(data, at) {
  return (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
}

/** Laid on white, or on black where what is drawn on it is bright. */
function opaque(picture) {
  const { data } = picture;
  if (isOpaque(data)) {
    return picture;
  }
  let [brightness, whole] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    brightness += greyAt(data, at) * data[at + 3];
    whole += data[at + 3];
  }
  const ground = brightness > 127 * Math.max(whole, 1) ? 0 : 255;
  const laid = data.map((value, at) => {
    const alpha = data[at | 3];
    return (at & 3) === 3 ? 255 : Math.round((value * alpha + ground * (255 - alpha)) / 255);
  });
  return { ...size(picture), data: laid };
}

function isOpaque(data) {
  for (let at = 3; at < data.length; at += 4) {
    if (data[at] !== 255) {
      return false;
    }
  }
  return true;
}

/** By whole blocks, to at most so many pixels a side. */
function averageDown(picture, side) {
  const factor = Math.ceil(Math.max(picture.width, picture.height) / side);
  if (factor <= 1) {
    return picture;
  }
  const width = Math.ceil(picture.width / factor);
  const height = Math.ceil(picture.height / factor);
  const sums = new Uint32Array(width * height * 4);
  const counts = new Uint32Array(width * height);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const to = Math.floor(y / factor) * width + Math.floor(x / factor);
      const from = 4 * (y * picture.width + x);
      counts[to]++;
      for (let channel = 0; channel < 4; channel++) {
        sums[4 * to + channel] += picture.data[from + channel];
      }
    }
  }
  return { width, height, data: Uint8ClampedArray.from(sums, (sum, at) => sum / counts[at >> 2]) };
}

function size({ width, height }) {
  return { width, height };
}

async function metadataOf(props) {
  const input = JSON.parse(props.input);
  const names = JSON.parse(props.names);
  const certificate = await certificateOf(JSON.parse(props.certificate), names.length);
  return {
    input,
    names,
    certificate,
    temperature: JSON.parse(props.temperature),
    description: JSON.parse(props.description),
    accuracy: JSON.parse(props.test_accuracy),
    digest: JSON.parse(props.payload_sha256),
  };
}

async function certificateOf(values, classes) {
  const images = "images_zlib" in values ? await inflate(values.images_zlib) : bytesOf(values.images);
  const answers = floatsOf(values.own ?? values.log_probs);
  const expected = Array.from({ length: values.count }, (_, at) => answers.subarray(at * classes, (at + 1) * classes));
  const { atol, own_atol: own } = values.tolerance;
  const tolerances = expected.map((row) =>
    values.own ? own : atol * Math.max(1, Math.max(...row.map((value) => Math.abs(value))) / LARGE),
  );
  return { images, expected, tolerances };
}

/** Where the browser can compute it, which it can't on a page from another machine without https. */
async function requireDigest(text, wanted) {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    return;
  }
  const digest = new Uint8Array(await subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== wanted) {
    throw new Error("its bytes are not those that were exported");
  }
}

async function inflate(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function bytesOf(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = characters.charCodeAt(at);
  }
  return bytes;
}

function floatsOf(text) {
  const view = new DataView(bytesOf(text).buffer);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, at) => view.getFloat32(4 * at, true));
}

function concatenate(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
