/**
 * How calls of a program run: what the guest finds at its start, what of it is entered, what its end means. A Faaslet is
 * given one, and knows none of them.
 */
import type { CallEnd } from '../../../proto/call.ts';
import type { CallSettings } from '../../guest/call-context.ts';
import type { WasiCall } from '../../guest/wasi/wasi.ts';
import type { Instance } from '../instance.ts';
import type { Booted } from '../program.ts';

export interface Way {
  /** What the guest finds. @default what there is */
  begin?(call: CallSettings, found: WasiCall): WasiCall;
  /** Enters the guest, and waits for it where it can wait. @returns its return value; of what is no number, 0 */
  enter(call: CallSettings): unknown;
  /** What its caller gets of a call that succeeded. @default its end as it is @throws FaasmError */
  end?(end: CallEnd): CallEnd;
  /** What more initialisation does, when the initializers have run. @throws FaasmError `bad_module` */
  boot?(call: CallSettings, begin: (change: (found: WasiCall) => WasiCall) => void): Promise<Booted>;
}

/** Chosen once for each instance. */
export type ChooseWay = (instance: Instance) => Way;
