/** What a host is handed where it runs for people: Node's time and chance, its disk, its network, its threads. */
import { connectNatsBus } from '../src/bus/nats.ts';
import { createThreadExecutors } from '../src/executor/threads.ts';
import { createAsyncify } from '../src/functions/asyncify.ts';
import { createPreparer } from '../src/functions/preparer.ts';
import type { HostPowers } from '../src/power/host.ts';
import { nodePowers } from '../src/power/node.ts';
import { openStores } from './stores.ts';
import { openWaysIn } from './ways-in.ts';

export const nodeHostPowers: HostPowers = {
  ...nodePowers,
  connect: connectNatsBus,
  openStores,
  createExecutors: createThreadExecutors,
  createPreparer,
  createAsyncify,
  openWaysIn,
};
