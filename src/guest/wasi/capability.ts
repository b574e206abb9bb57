/** WASI, as a module imports it, in its two editions. */
import type { Capability, ImportFunctions, ImportTable } from '../port.ts';
import { wasiTable, wasiUnstableTable } from './table.ts';
import type { Wasi, WasiModule } from './wasi.ts';

export const wasi = toCapability('wasi_snapshot_preview1', wasiTable);
export const wasiUnstable = toCapability('wasi_unstable', wasiUnstableTable);

function toCapability(module: WasiModule, table: ImportTable): Capability {
  return {
    module,
    imports: [table],
    open: () => (guest) => ({ functions: createWhenAsked(guest.wasi, module) }),
  };
}

/** A Faaslet then holds no more of them than its module imports. */
function createWhenAsked(wasi: Wasi, module: WasiModule): ImportFunctions {
  return new Proxy<ImportFunctions>(
    {},
    { get: (_none, name) => wasi.pick([String(name)], module)[String(name)] },
  );
}
