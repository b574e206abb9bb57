/**
 * State values in a Faaslet's own memory: the pointer forms of the host interface.
 *
 * A key gets a window behind the Faaslet's memory and keeps it, so that two reads give the same pointer, in one call
 * and in later ones. Where pages can be mapped the window shows the value itself, and a write through the pointer is
 * seen by the next reader at once. Where they cannot, the window holds a copy, and what is flagged dirty is copied back.
 */
import type { StateKey } from '../../../proto/names.ts';
import type { GuestState } from '../../state/tier/local-tier.ts';
import type { Segment } from '../../state/tier/segment.ts';
import type { Guest } from '../port.ts';

interface StateWindow {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** What it shows in this call. */
  shown: Segment | undefined;
}

export class StateWindows {
  readonly #guest: Pick<Guest, 'memory' | 'pages'>;
  readonly #windows = new Map<StateKey, StateWindow>();

  constructor(guest: Pick<Guest, 'memory' | 'pages'>) {
    this.#guest = guest;
  }

  /**
   * The address of a value of `totalBytes` at least.
   * @throws FaasmError `guest_out_of_memory` when there is no room for the value in the Faaslet's memory
   */
  open(state: GuestState, key: StateKey, totalBytes: number): number | Promise<number> {
    const segment = state.open(key, totalBytes);
    return segment instanceof Promise
      ? segment.then((opened) => this.#show(key, opened))
      : this.#show(key, segment);
  }

  /** Bytes of the value were changed through its pointer; without a range, any of them. */
  flagDirty(state: GuestState, key: StateKey, offset: number, byteLength: number): void | Promise<void> {
    const window = this.#windows.get(key);
    if (window?.shown === undefined) return;
    if (this.#guest.pages.canMapSegments) {
      state.flagDirty(key, offset, byteLength);
      return;
    }
    const length = Math.min(byteLength, window.byteLength - offset);
    if (length > 0)
      return state.writeAt(
        key,
        0,
        offset,
        this.#guest.memory.bytes(window.byteOffset + offset, length),
        false,
      );
  }

  /** The call has ended; the memory's own reset empties the windows. */
  reset(): void {
    for (const window of this.#windows.values()) window.shown = undefined;
  }

  #show(key: StateKey, segment: Segment): number {
    const window = this.#window(key, segment.data.byteLength);
    if (window.shown === segment) return window.byteOffset;
    const { buffer, byteLength } = segment.data;
    if (this.#guest.pages.canMapSegments)
      this.#guest.pages.attached().mapSegment({ buffer, byteLength }, window.byteOffset);
    else this.#guest.memory.bytes(window.byteOffset, byteLength).set(new Uint8Array(buffer, 0, byteLength));
    window.shown = segment;
    return window.byteOffset;
  }

  #window(key: StateKey, byteLength: number): StateWindow {
    const known = this.#windows.get(key);
    if (known !== undefined && known.byteLength >= byteLength) return known;
    const byteOffset = this.#guest.pages.attached().growForWindow(byteLength);
    const window: StateWindow = { byteOffset, byteLength, shown: undefined };
    this.#windows.set(key, window);
    return window;
  }
}
