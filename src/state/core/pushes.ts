/** When changed values are pushed to the global tier. Pure; changed in place. */

export interface PushLimits {
  /** A value that was changed asynchronously is pushed so long after its first unpushed change. */
  readonly pushDelayMs: number;
  /** After a push that failed, the next try; doubled each time up to `pushRetryMaxMs`. */
  readonly pushRetryMs: number;
  readonly pushRetryMaxMs: number;
}

interface Due {
  dueMs: number;
  failures: number;
  /** A push is under way; changed again meanwhile. */
  pushing: boolean;
  again: boolean;
}

export interface PushSchedule {
  readonly limits: PushLimits;
  readonly due: Map<string, Due>;
}

export type PushMessage =
  | { readonly type: 'dirtied'; readonly name: string; readonly nowMs: number }
  | { readonly type: 'pushed'; readonly name: string; readonly ok: boolean; readonly nowMs: number }
  | { readonly type: 'tick'; readonly nowMs: number };

export interface PushEffect {
  readonly type: 'push';
  readonly name: string;
}

export function createPushSchedule(limits: PushLimits): PushSchedule {
  return { limits, due: new Map() };
}

/** Each `push` is answered by one `pushed`. */
export function decidePushes(schedule: PushSchedule, message: PushMessage): PushEffect[] {
  const { due, limits } = schedule;
  switch (message.type) {
    case 'dirtied': {
      const known = due.get(message.name);
      if (known?.pushing === true) known.again = true;
      if (known === undefined) {
        due.set(message.name, {
          dueMs: message.nowMs + limits.pushDelayMs,
          failures: 0,
          pushing: false,
          again: false,
        });
      }
      return [];
    }
    case 'pushed': {
      const known = due.get(message.name);
      if (known === undefined) return [];
      if (message.ok && !known.again) {
        due.delete(message.name);
        return [];
      }
      known.failures = message.ok ? 0 : known.failures + 1;
      const retryMs = Math.min(limits.pushRetryMs * 2 ** (known.failures - 1), limits.pushRetryMaxMs);
      known.dueMs = message.nowMs + (message.ok ? limits.pushDelayMs : retryMs);
      known.pushing = false;
      known.again = false;
      return [];
    }
    case 'tick': {
      const effects: PushEffect[] = [];
      for (const [name, one] of due) {
        if (one.pushing || one.dueMs > message.nowMs) continue;
        one.pushing = true;
        one.again = false;
        effects.push({ type: 'push', name });
      }
      return effects;
    }
  }
}

/** Values that are due, and those of them whose last push failed. */
export function countPushes({ due }: PushSchedule): { readonly waiting: number; readonly failing: number } {
  let failing = 0;
  for (const { failures } of due.values()) if (failures > 0) failing++;
  return { waiting: due.size, failing };
}
