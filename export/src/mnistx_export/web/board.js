// The drawing board: strokes by mouse, finger, pen or arrow keys, and what they look like.

const PEN = 0.045; // of the board's height, the width of a stroke
const STEP = 0.05; // of the board's height, that an arrow key moves the pen
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Strokes on a canvas. `changed` is called at every movement of the pen, `ended` as a stroke ends. */
export class Board {
  #strokes = [];
  #pen = null; // of the keyboard: { x, y, down }

  constructor(canvas, { changed, ended }) {
    this.canvas = canvas;
    this.changed = changed;
    this.ended = ended;
    this.context = canvas.getContext("2d");
    this.paper = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => this.#end());
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#hidePen());
    this.#draw();
  }

  /** Whether nothing is drawn. */
  get isEmpty() {
    return this.#strokes.length === 0;
  }

  /** Black ink on white paper, as ImageData, whatever colours it is shown in. */
  get pixels() {
    const { width, height } = this.canvas;
    this.#paint(this.paper, "#fff", "#000");
    return this.paper.getImageData(0, 0, width, height);
  }

  /** Take back the last stroke. */
  undo() {
    this.#strokes.pop();
    this.#redraw();
    this.ended();
  }

  /** Take back all of them. */
  clear() {
    this.#strokes = [];
    this.#redraw();
    this.ended();
  }

  #begin(event) {
    if (event.button !== 0 || this.drawing) {
      return;
    }
    event.preventDefault();
    this.canvas.focus({ preventScroll: true, focusVisible: false });
    this.#hidePen();
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = event.pointerId;
    this.#strokes.push([this.#place(event)]);
    this.#redraw();
  }

  #move(event) {
    if (this.drawing !== event.pointerId || this.drawing === undefined) {
      return;
    }
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) {
      this.#strokes.at(-1).push(this.#place(each));
    }
    this.#redraw();
  }

  #end() {
    if (this.drawing !== undefined) {
      this.drawing = undefined;
      this.ended();
    }
  }

  #key(event) {
    if (event.key in ARROWS) {
      this.#movePen(ARROWS[event.key]);
    } else if (event.key === " ") {
      this.#liftOrLowerPen();
    } else {
      return;
    }
    event.preventDefault();
  }

  #movePen([right, down]) {
    const { width, height } = this.canvas;
    const pen = this.#penOfKeys();
    pen.x = Math.min(Math.max(pen.x + right * STEP * height, 0), width);
    pen.y = Math.min(Math.max(pen.y + down * STEP * height, 0), height);
    if (pen.down) {
      this.#strokes.at(-1).push([pen.x, pen.y]);
    }
    this.#redraw();
  }

  #liftOrLowerPen() {
    const pen = this.#penOfKeys();
    pen.down = !pen.down;
    if (pen.down) {
      this.#strokes.push([[pen.x, pen.y]]);
    }
    this.#redraw();
    if (!pen.down) {
      this.ended();
    }
  }

  #penOfKeys() {
    this.#pen ??= { x: this.canvas.width / 2, y: this.canvas.height / 4, down: false };
    return this.#pen;
  }

  #hidePen() {
    const wasDown = this.#pen?.down;
    this.#pen = null;
    this.#draw();
    if (wasDown) {
      this.ended();
    }
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  #redraw() {
    this.#draw();
    this.changed();
  }

  /** In the page's own colours, with the keyboard's pen. */
  #draw() {
    const style = getComputedStyle(this.canvas);
    this.#paint(this.context, style.backgroundColor, style.color);
    if (this.#pen) {
      const { x, y, down } = this.#pen;
      this.context.beginPath();
      this.context.arc(x, y, (PEN * this.canvas.height) / (down ? 2 : 1), 0, 2 * Math.PI);
      this.context.lineWidth = 2;
      this.context.stroke();
    }
  }

  /** Draw again, as after a change of colours. */
  refresh() {
    this.#draw();
  }

  #paint(context, paper, ink) {
    const { width, height } = this.canvas;
    context.fillStyle = paper;
    context.fillRect(0, 0, width, height);
    context.strokeStyle = ink;
    context.lineWidth = PEN * height;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      for (const [x, y] of stroke.length > 1 ? stroke.slice(1) : stroke) {
        context.lineTo(x, y);
      }
      context.stroke();
    }
  }
}
