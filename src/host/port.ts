/** A host as the program sees it that starts one. */
import type { FunctionSettings } from '../../proto/function-settings.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import type { FunctionName, HostId, UserName } from '../../proto/names.ts';
import type { InvokeOptions } from '../calls/invoke.ts';
import type { ComingFunctions } from '../functions/coming.ts';
import type { Log } from '../log.ts';
import type { HostPowers, WaysIn, WaysInOptions } from '../power/host.ts';

/** What is asked of it from inside the process. */
export interface HostClient {
  upload(
    user: UserName,
    name: FunctionName,
    module: Uint8Array,
    settings?: Partial<FunctionSettings>,
  ): Promise<FunctionDescription>;
  describe(user: UserName, name: FunctionName): Promise<FunctionDescription>;
  /** @returns the output */
  invoke(user: UserName, name: FunctionName, input: Uint8Array, options?: InvokeOptions): Promise<Uint8Array>;
}

export interface Host extends HostClient, Pick<WaysIn, 'httpPorts' | 'natsPort' | 'socket' | 'pipeEnded'> {
  readonly id: HostId;
  /** What this host needs and does not have, for people; empty when it is ready. */
  unreadyWhy(): string;
  /** Resolves when the host is ready, at once where it is. */
  whenReady(): Promise<void>;
  /** Running, suspended and queued ones. */
  callsUnderWay(): number;
  /** Takes nothing new, finishes what runs, saves what is to be saved. */
  stop(): Promise<void>;
}

export interface HostOptions {
  readonly powers: HostPowers;
  log(component: string): Log;
  /** @default none, and there can be no pipe */
  readonly pipe?: WaysInOptions['pipe'];
  /** Functions that are being made for it: it is not ready before they are there. @default none */
  readonly coming?: ComingFunctions | undefined;
  /** Ends what a start waits for. @default never */
  readonly stopping?: AbortSignal;
}
