/** What every place for functions has to do. */
import type { ExecutionContext, TestFn } from 'ava';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { toFunctionName, toUserName } from '../../proto/names.ts';
import type { FunctionStore } from '../../src/functions/port.ts';
import { sha256 } from '../../src/functions/sha256.ts';
import { createFunctionStore } from '../../src/functions/store.ts';
import type { BlobStore } from '../../src/storage/blobs.ts';

const bytes = new TextEncoder().encode('module');
const module = sha256(bytes);
const other = sha256('other');
const ada = toUserName('ada');
const f = toFunctionName('f');

const describe = (name = 'f', live = module): FunctionDescription => ({
  user: ada,
  name: toFunctionName(name),
  live,
  versions: [{ version: live, module, settings: noSettings, sizeBytes: bytes.length, uploadedAtMs: 1 }],
  revision: 7,
});

const protoOf = (fingerprint = 'f1', name = 'f', version = module) => ({
  user: ada,
  name: toFunctionName(name),
  version,
  fingerprint,
});

/** @param open a place with nothing in it, and another way to the same one, as another host has it */
export function functionStoreContract(
  test: TestFn,
  name: string,
  open: (t: ExecutionContext) => Promise<readonly [BlobStore, BlobStore]>,
  { conditions = true }: { readonly conditions?: boolean } = {},
): void {
  const check = (
    title: string,
    run: (t: ExecutionContext, one: FunctionStore, two: FunctionStore, blobs: BlobStore) => Promise<void>,
  ) =>
    test(`${name}: ${title}`, async (t) => {
      const [first, second] = await open(t);
      const [one, two] = [createFunctionStore(first), createFunctionStore(second)];
      t.teardown(async () => {
        await one.close();
        await two.close();
      });
      await run(t, one, two, first);
    });

  check('readModule() gives another host what writeModule() kept', async (t, one, two) => {
    await one.writeModule(module, bytes);
    t.deepEqual(new Uint8Array(await two.readModule(module)), bytes);
    t.deepEqual(
      (await two.listModules()).map((each) => each.module),
      [module],
    );
    await two.removeModule(module);
    await t.throwsAsync(one.readModule(module), { code: 'not_found' });
  });

  check('readModule() refuses a module that is not what its name says', async (t, one, two, blobs) => {
    await one.writeModule(module, bytes);
    await blobs.put(`modules/${module}.wasm`, new TextEncoder().encode('other'));
    await t.throwsAsync(two.readModule(module), { code: 'storage_corrupt', message: /is damaged/ });
  });

  check('read() and list() give another host what write() kept', async (t, one, two) => {
    t.is(await two.read(ada, f), undefined);
    const tag = await one.write(describe(), null);
    await one.write(describe('g'), null);
    t.deepEqual(await two.read(ada, f), { description: describe(), tag });
    const listed = (await two.list()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    t.deepEqual(
      listed.map((each) => each.name as string),
      ['f', 'g'],
    );
    t.is(listed[0]?.tag, tag);
    await two.remove(ada, f);
    t.is(await one.read(ada, f), undefined);
    t.is((await one.list()).length, 1);
  });

  check('read() of a damaged description says so, list() has it', async (t, one, _two, blobs) => {
    await blobs.put('users/ada/f.json', new TextEncoder().encode('{"user":'));
    await t.throwsAsync(one.read(ada, f), {
      code: 'storage_corrupt',
      message: /is damaged.*upload ada\/f again/,
    });
    t.is((await one.list()).length, 1);
    await one.write(describe(), undefined);
    t.deepEqual((await one.read(ada, f))?.description, describe());
  });

  check(
    'readProto() gives what writeProto() kept, for that function, version and fingerprint',
    async (t, one, two) => {
      await one.writeProto(protoOf(), bytes);
      t.deepEqual(new Uint8Array((await two.readProto(protoOf()))!), bytes);
      t.is(await two.readProto(protoOf('f2')), undefined);
      t.is(await two.readProto(protoOf('f1', 'g')), undefined);
      t.is(await two.readProto(protoOf('f1', 'f', other)), undefined);
    },
  );

  check('writeProto() replaces those of the version with other fingerprints', async (t, one, _two, blobs) => {
    await one.writeProto(protoOf('f1'), bytes);
    await one.writeProto(protoOf('f1', 'f', other), bytes);
    await one.writeProto(protoOf('f2'), bytes);
    const names = (await blobs.list('protos/ada/f/')).map((each) => each.name).sort();
    t.deepEqual(names, [`protos/ada/f/${module}-f2.proto`, `protos/ada/f/${other}-f1.proto`].sort());
  });

  check('keepProtos() removes those of all other versions of the function', async (t, one) => {
    await one.writeProto(protoOf('f1'), bytes);
    await one.writeProto(protoOf('f1', 'f', other), bytes);
    await one.writeProto(protoOf('f1', 'g', other), bytes);
    await one.keepProtos(ada, f, [module]);
    t.truthy(await one.readProto(protoOf()));
    t.is(await one.readProto(protoOf('f1', 'f', other)), undefined);
    t.truthy(await one.readProto(protoOf('f1', 'g', other)));
    await one.keepProtos(ada, f, []);
    t.is(await one.readProto(protoOf()), undefined);
    await t.notThrowsAsync(one.keepProtos(ada, f, []));
  });

  if (!conditions) return;

  check('write() is refused when another host has changed it', async (t, one, two) => {
    const refused = { code: 'precondition_failed' };
    const tag = await one.write(describe(), null);
    await t.throwsAsync(two.write(describe(), null), refused);
    const next = await two.write(describe('f', other), tag);
    t.not(next, tag);
    await t.throwsAsync(one.write(describe(), tag), refused);
    t.is((await one.read(ada, f))?.description.live, other);
  });
}
