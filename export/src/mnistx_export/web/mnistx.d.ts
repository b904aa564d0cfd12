/** A picture as ImageData has it: red, green, blue and alpha of each pixel, row by row. */
export interface Picture {
  width: number;
  height: number;
  data: Uint8ClampedArray | Uint8Array;
}

/** What a model answers of one image. */
export interface Answer {
  label: number;
  name: string;
  /** Probability of the label, 0 to 1. */
  confidence: number;
  /** Of each class, in the order of `Model.names`; they add up to 1. */
  probabilities: number[];
  logProbs: Float32Array;
}

/** One thing that was found in a picture. */
export interface Found {
  /** Left, top, right, bottom, in pixels of `Reading.width` and `Reading.height`. */
  box: [number, number, number, number];
  /** What the model read: bytes, channel by channel, row by row. */
  image?: Uint8Array;
  answer?: Answer;
  /** Why there is no answer. */
  reason?: string;
}

/** What was read in a picture. */
export interface Reading {
  /** Of the picture, or of what it was averaged down to, where a side is longer than 4096 pixels. */
  width: number;
  height: number;
  /** In reading order. */
  found: Found[];
  /** Why nothing was found; empty otherwise. */
  reason: string;
}

/** What a model takes. */
export interface Input {
  channels: number;
  height: number;
  width: number;
  preprocess: string;
}

/** A model that passed its self-check. */
export interface Model {
  readonly names: string[];
  readonly input: Input;
  readonly build: "simd" | "scalar";
  /** Whether several digits can be found in a picture. */
  readonly findsDigits: boolean;
  /** The answer to one image: channels x height x width bytes, 0 to 255. Throws a RangeError for another size. */
  predict(image: Uint8Array): Answer;
  /** Log-probabilities of one image. */
  logProbs(image: Uint8Array): Float32Array;
  /** Prepare a picture of any size as the trained model's pictures are, and answer it. */
  read(picture: Picture): Reading;
  /** Answer the certificate's golden images again. Returns what differs from the trained model; empty where nothing does. */
  check(): string;
}

/**
 * Unpack, compile and check the model. Throws an Error that says why it isn't what was exported, or can't run.
 *
 * `build` is the one that runs here: with vectors where there are any.
 */
export function load(build?: "simd" | "scalar"): Promise<Model>;
