/** All that guests can do. A module may import what is here, and nothing else. */
import { chain } from './chain/chain.ts';
import { io } from './io/io.ts';
import { link } from './link/link.ts';
import { objects } from './objects/objects.ts';
import type { Capability, CreateFunctions, GuestHost } from './port.ts';
import { process } from './process/process.ts';
import { state } from './state/state.ts';
import { system } from './system.ts';
import { wasi, wasiUnstable } from './wasi/capability.ts';

export const capabilities: readonly Capability[] = [
  io,
  chain,
  state,
  objects,
  process,
  link,
  system,
  wasi,
  wasiUnstable,
];

/** For one executor. */
export function openCapabilities(host: GuestHost): ReadonlyMap<Capability, CreateFunctions> {
  return new Map(capabilities.map((capability) => [capability, capability.open(host)]));
}
