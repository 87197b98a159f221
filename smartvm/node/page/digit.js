// What is drawn, as the strokes of a pen, and the image that a network is given of it.
//
// Strokes are kept as points, so that the pen is as thick in the image as in the pictures that the
// network has learned from, whatever the size of the drawing.

const FINE = 8; // sub-pixels of a pixel, each way

/** Pictures like those of scikit-learn: a bitmap of 32 x 32 that the digit fills from top to
 *  bottom, its ink counted in 8 x 8 cells of 4 x 4 (0 to 16), and enlarged to 32 x 32 again. */
const DIGITS = { side: 32, height: 32, width: 26, pen: 5.6 };

/** Pictures like those of MNIST: the digit in a box of 20 x 20, its centre of mass in the middle
 *  of 28 x 28. */
const MNIST = { side: 28, height: 20, width: 20, pen: 2.2 };

/** The sides of images, by their number of pixels, that the canvas can draw for. */
export const SIDES = new Map([[784, 28], [1024, 32]]);

/** Digits to begin with, for those who cannot or would not draw: strokes on a canvas of 560. */
const EXAMPLES = [
  [[[180, 130], [260, 80], [360, 110], [370, 200], [270, 260]],
    [[270, 260], [380, 300], [390, 400], [300, 480], [180, 440]]],
  [[[170, 110], [390, 110], [330, 270], [270, 480]]],
  [[[280, 80], [190, 150], [160, 280], [200, 420], [290, 480], [380, 410], [400, 280], [370, 140], [280, 80]]],
  [[[380, 90], [210, 90], [190, 260], [290, 230], [380, 290], [370, 420], [270, 480], [170, 440]]],
  [[[180, 160], [240, 90], [340, 90], [370, 180], [310, 290], [170, 470], [400, 470]]],
];

/** Pixels (side * side bytes) of the strokes, or null of none.
 *  @param strokes arrays of {x, y}
 *  @param side 28 or 32
 *  @param preparation "digits" or "mnist" */
export function prepare(strokes, side, preparation) {
  const form = preparation === "mnist" ? MNIST : DIGITS;
  const box = boundsOf(strokes);
  if (box === null) return null;
  const ink = inkOf(strokes, box, form);
  const pixels = form === MNIST ? centred(ink) : enlarge(cells(ink));
  return padded(pixels, form.side, side);
}

function boundsOf(strokes) {
  const points = strokes.flat();
  if (points.length === 0) return null;
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** How much of each pixel the pen covers, 0 to 1: form.side * form.side. */
function inkOf(strokes, box, form) {
  const scale = scaleOf(box, form);
  const size = form.side * FINE;
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  context.translate(size / 2, size / 2);
  context.scale(FINE, FINE);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = form.pen;
  const place = (point) => ({
    x: scale.x * (point.x - (box.left + box.right) / 2),
    y: scale.y * (point.y - (box.top + box.bottom) / 2),
  });
  for (const stroke of strokes) trace(context, stroke.map(place));
  return coverage(context.getImageData(0, 0, size, size).data, form.side);
}

/** Pixels a unit of the drawing, such that the digit with its pen fills the box: MNIST's digits
 *  keep their proportions, scikit-learn's are as high as the picture. */
function scaleOf(box, form) {
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  const across = (form.width - form.pen) / Math.max(width, 1);
  const down = (form.height - form.pen) / Math.max(height, width / 2, 1);
  const both = Math.min(across, down);
  return form === MNIST ? { x: both, y: both } : { x: both, y: down };
}

/** Draw one stroke on a context, a single point as a dot. */
export function trace(context, points) {
  context.beginPath();
  context.moveTo(points[0].x, points[0].y);
  for (const point of points) context.lineTo(point.x, point.y);
  context.stroke();
}

function coverage(data, side) {
  const ink = new Float64Array(side * side);
  const row = side * FINE;
  for (let y = 0; y < row; y++) {
    for (let x = 0; x < row; x++) {
      const pixel = Math.floor(y / FINE) * side + Math.floor(x / FINE);
      ink[pixel] += data[4 * (y * row + x) + 3] / (255 * FINE * FINE);
    }
  }
  return ink;
}

/** The ink of 8 x 8 cells, 0 to 16. */
function cells(ink) {
  const sums = new Float64Array(64);
  ink.forEach((value, index) => {
    const y = Math.floor(index / 32), x = index % 32;
    sums[Math.floor(y / 4) * 8 + Math.floor(x / 4)] += value;
  });
  return Array.from(sums, Math.round);
}

/** 32 x 32 pixels of 8 x 8 cells, bilinear in integers, as smartvm.compiler.lenet5.enlarge. */
export function enlarge(digit) {
  const axis = Array.from({ length: 32 }, (_, position) => {
    const cell = Math.floor((2 * position - 3) / 8);
    const eighths = 2 * position - 3 - 8 * cell;
    return [[Math.max(cell, 0), 8 - eighths], [Math.min(cell + 1, 7), eighths]];
  });
  const pixels = new Uint8Array(1024);
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      let sum = 0;
      for (const [row, down] of axis[y]) {
        for (const [column, across] of axis[x]) sum += down * across * digit[8 * row + column];
      }
      pixels[32 * y + x] = Math.floor((sum * 255 + 512) / 1024);
    }
  }
  return pixels;
}

/** 28 x 28 pixels, the ink moved so that its centre of mass is in the middle. */
function centred(ink) {
  let mass = 0, down = 0, across = 0;
  ink.forEach((value, index) => {
    mass += value;
    down += value * Math.floor(index / 28);
    across += value * (index % 28);
  });
  const dy = Math.round(13.5 - down / mass), dx = Math.round(13.5 - across / mass);
  const pixels = new Uint8Array(784);
  ink.forEach((value, index) => {
    const y = Math.floor(index / 28) + dy, x = (index % 28) + dx;
    if (y >= 0 && y < 28 && x >= 0 && x < 28) pixels[28 * y + x] = Math.round(255 * value);
  });
  return pixels;
}

/** An image in the middle of another size: zeros around it, or its border cut off. */
function padded(pixels, from, to) {
  if (from === to) return pixels;
  const border = (to - from) / 2;
  const result = new Uint8Array(to * to);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) {
      const row = y - border, column = x - border;
      const inside = row >= 0 && row < from && column >= 0 && column < from;
      if (inside) result[y * to + x] = pixels[row * from + column];
    }
  }
  return result;
}

/** A canvas that collects strokes and calls `changed(strokes)` after each change. */
export class Pad {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.pointer = null;
    this.examples = 0;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.extend(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.end(event));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  begin(event) {
    if (this.pointer !== null || event.button > 0) return;
    event.preventDefault();
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.place(event)]);
    this.paint();
  }

  extend(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.strokes.at(-1).push(this.place(one));
    this.paint();
    this.changed(this.strokes);
  }

  end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.changed(this.strokes);
  }

  clear() {
    this.show([]);
  }

  /** Show one of the examples, the next one each time. */
  example() {
    const chosen = EXAMPLES[this.examples++ % EXAMPLES.length];
    this.show(chosen.map((stroke) => stroke.map(([x, y]) => ({ x, y }))));
  }

  show(strokes) {
    this.strokes = strokes;
    this.paint();
    this.changed(this.strokes);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  paint() {
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = 46;
    for (const stroke of this.strokes) trace(context, stroke);
  }
}
