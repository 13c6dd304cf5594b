/** Mouse, pen and fingers on the map, in device pixels: hover, drag to pan, wheel and pinch to zoom. */

export interface PointerActions {
  hover(x: number, y: number): void;
  leave(): void;
  pan(dx: number, dy: number): void;
  zoom(x: number, y: number, factor: number): void;
  /** Whether dragging does something; else a finger scrolls the page. */
  canPan(): boolean;
}

/** Of the wheel's delta, so that one notch is about a quarter. */
const WHEEL_SPEED = 0.0025;
const LINE_PIXELS = 16;
/** A press that moves less is a click, which hovers. */
const DRAG_PIXELS = 4;

export class Pointer {
  readonly #canvas: HTMLCanvasElement;
  readonly #actions: PointerActions;
  readonly #down = new Map<number, { x: number; y: number }>();
  #dragged = 0;

  constructor(canvas: HTMLCanvasElement, actions: PointerActions) {
    this.#canvas = canvas;
    this.#actions = actions;
    canvas.addEventListener('pointerdown', (event) => this.#press(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => this.#release(event));
    canvas.addEventListener('pointercancel', (event) => this.#release(event));
    canvas.addEventListener('pointerleave', (event) => {
      if (event.pointerType === 'mouse') actions.leave();
    });
    canvas.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
  }

  #at(event: MouseEvent): { x: number; y: number } {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - left) * devicePixelRatio, y: (event.clientY - top) * devicePixelRatio };
  }

  #press(event: PointerEvent): void {
    const at = this.#at(event);
    this.#down.set(event.pointerId, at);
    this.#dragged = 0;
    this.#actions.hover(at.x, at.y);
    this.#canvas.setPointerCapture(event.pointerId);
  }

  #move(event: PointerEvent): void {
    const at = this.#at(event);
    const before = this.#down.get(event.pointerId);
    if (before === undefined) {
      this.#actions.hover(at.x, at.y);
      return;
    }
    const others = [...this.#down].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    const other = others[0];
    if (other !== undefined) {
      const distance = Math.hypot(at.x - other.x, at.y - other.y);
      const was = Math.hypot(before.x - other.x, before.y - other.y);
      if (was > 0) this.#actions.zoom((at.x + other.x) / 2, (at.y + other.y) / 2, distance / was);
    } else if (this.#actions.canPan()) {
      this.#dragged += Math.hypot(at.x - before.x, at.y - before.y);
      if (this.#dragged >= DRAG_PIXELS) this.#actions.pan(at.x - before.x, at.y - before.y);
    } else {
      this.#actions.hover(at.x, at.y);
    }
    this.#down.set(event.pointerId, at);
  }

  #release(event: PointerEvent): void {
    this.#down.delete(event.pointerId);
  }

  /** With Ctrl, as browsers send a pinch of a touchpad, or when zoomed in already: else the wheel scrolls the page. */
  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey && !this.#actions.canPan() && document.activeElement !== this.#canvas) return;
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_PIXELS : event.deltaY;
    const { x, y } = this.#at(event);
    this.#actions.zoom(x, y, Math.exp(-pixels * WHEEL_SPEED));
  }
}
