/** Tells what is not saved yet, where that is not what was told before. */
import type { StateStatus } from '../../proto/messages.ts';
import type { Timer, Timers } from '../power/port.ts';
import { countPushes, type PushSchedule } from './core/pushes.ts';

const tellMs = 1000;

export class Unsaved {
  readonly #timers: Timers;
  readonly #pushes: PushSchedule;
  readonly #tell: (status: StateStatus) => void;
  #told = '';
  #timer: Timer | undefined;

  constructor(timers: Timers, pushes: PushSchedule, tell: (status: StateStatus) => void) {
    this.#timers = timers;
    this.#pushes = pushes;
    this.#tell = tell;
  }

  /** It may be something else by now. */
  look(): void {
    this.#timer ??= this.#timers
      .after(tellMs, () => {
        this.#timer = undefined;
        const { waiting, failing } = countPushes(this.#pushes);
        const text = `${waiting} ${failing}`;
        if (text !== this.#told) this.#tell({ unpushedValues: waiting, failingValues: failing });
        this.#told = text;
      })
      .unref();
  }

  stop(): void {
    this.#timers.cancel(this.#timer);
  }
}
