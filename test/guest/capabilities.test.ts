/** The table of capabilities: what each provides is there, and nobody else's. */
import test from 'ava';
import { noSettings } from '../../proto/function-settings.ts';
import { CallContext } from '../../src/guest/call-context.ts';
import { capabilities, openCapabilities } from '../../src/guest/capabilities.ts';
import { findCapability } from '../../src/guest/imports.ts';
import type { Guest as GuestPort } from '../../src/guest/port.ts';
import { Guest } from './wasi/guest.ts';

const limits = { inputMaxBytes: 1000, outputMaxBytes: 1000, stderrMaxBytes: 100, chainedCallsMax: 10 };

function openAll() {
  const { memory, wasi } = new Guest();
  const program = { user: 'ada', function: 'f', version: '', settings: noSettings };
  const guest = { program, memory, wasi, call: new CallContext(limits) } as unknown as GuestPort;
  const opened = openCapabilities({
    owner: 'test',
    ask: () => Promise.reject(new Error('nobody is there')),
    config: new Map(),
    stateAccess: 'synchronous',
    sideModules: { maxBytes: 1000, tableMaxElements: 1000, compileMaxBytes: 2 ** 28 },
  });
  return capabilities.map((capability) => ({ capability, created: opened.get(capability)!(guest) }));
}

test('each capability has a function for every import of its tables', (t) => {
  for (const { capability, created } of openAll()) {
    for (const name of capability.imports.flatMap(Object.keys)) {
      t.is(typeof created.functions[name], 'function', `${capability.module}.${name}`);
    }
  }
});

test('no two capabilities provide the same import', (t) => {
  for (const capability of capabilities) {
    const { module, imports } = capability;
    for (const table of imports) {
      for (const [name, { signature }] of Object.entries(table)) {
        t.is(findCapability({ module, name, signature }), capability, `${module}.${name}`);
      }
    }
  }
});
