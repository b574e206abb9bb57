import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import type { FunctionName, UserName } from '../../proto/names.ts';
import { openFileStore } from '../../src/functions/file-store.ts';
import { sha256 } from '../../src/functions/sha256.ts';

const bytes = new TextEncoder().encode('module');
const version = sha256(bytes);

const description = (name = 'f'): FunctionDescription => ({
  user: 'ada' as UserName,
  name: name as FunctionName,
  live: version,
  versions: [{ version, module: version, settings: noSettings, sizeBytes: bytes.length, uploadedAtMs: 1 }],
});

async function openStore() {
  const root = await mkdtemp(join(tmpdir(), 'faasm-functions-'));
  const damaged: string[] = [];
  const open = () => openFileStore({ root, onDamaged: (file) => damaged.push(file) });
  const remove = { [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
  return { root, damaged, open, store: await open(), ...remove };
}

test('readModule() gives what writeModule() kept, also to another store on the same root', async (t) => {
  await using at = await openStore();
  await at.store.writeModule(version, bytes);
  t.deepEqual(new Uint8Array(await (await at.open()).readModule(version)), bytes);
});

test('readModule() refuses a module that is not what its name says', async (t) => {
  await using at = await openStore();
  await writeFile(join(at.root, 'modules', `${version}.wasm`), 'other');
  await t.throwsAsync(at.store.readModule(version), { message: /is damaged/ });
});

test('readModule() of an unknown version is not_found', async (t) => {
  await using at = await openStore();
  await t.throwsAsync(at.store.readModule(version), { code: 'not_found' });
});

test('list() gives all descriptions', async (t) => {
  await using at = await openStore();
  await at.store.writeDescription(description('f'));
  await at.store.writeDescription(description('g'));
  await at.store.removeDescription('ada' as UserName, 'f' as FunctionName);
  t.deepEqual(await at.store.list(), [description('g')]);
});

test('list() leaves a damaged description out and tells of it', async (t) => {
  await using at = await openStore();
  await at.store.writeDescription(description('f'));
  await writeFile(join(at.root, 'users', 'ada', 'g.json'), '{"user":');
  t.deepEqual(await at.store.list(), [description('f')]);
  t.is(at.damaged.length, 1);
});

test('writeModule() leaves no draft behind', async (t) => {
  await using at = await openStore();
  await Promise.all([at.store.writeModule(version, bytes), at.store.writeModule(version, bytes)]);
  t.deepEqual(await readdir(join(at.root, 'modules')), [`${version}.wasm`]);
});

test('writeDescription() ignores a draft that a crash left', async (t) => {
  await using at = await openStore();
  await at.store.writeDescription(description('f'));
  await writeFile(join(at.root, 'users', 'ada', 'f.json.1.draft'), '{');
  t.deepEqual(await at.store.list(), [description('f')]);
});

const protoOf = (fingerprint = 'f1', name = 'f', of = version) => ({
  user: 'ada' as UserName,
  name: name as FunctionName,
  version: of,
  fingerprint,
});

test('readProto() gives what writeProto() kept, also to another store on the same root', async (t) => {
  await using at = await openStore();
  await at.store.writeProto(protoOf(), bytes);
  t.deepEqual(new Uint8Array((await (await at.open()).readProto(protoOf()))!), bytes);
});

test('readProto() gives nothing for another fingerprint, function or version', async (t) => {
  await using at = await openStore();
  await at.store.writeProto(protoOf(), bytes);
  t.is(await at.store.readProto(protoOf('f2')), undefined);
  t.is(await at.store.readProto(protoOf('f1', 'g')), undefined);
  t.is(await at.store.readProto(protoOf('f1', 'f', sha256('other'))), undefined);
});

test('writeProto() replaces those of the version with other fingerprints', async (t) => {
  await using at = await openStore();
  const other = sha256('other');
  await at.store.writeProto(protoOf('f1'), bytes);
  await at.store.writeProto(protoOf('f1', 'f', other), bytes);
  await at.store.writeProto(protoOf('f2'), bytes);
  const files = await readdir(join(at.root, 'protos', 'ada', 'f'));
  t.deepEqual(files.sort(), [`${version}-f2.proto`, `${other}-f1.proto`].sort());
});

test('keepProtos() removes those of all other versions of the function', async (t) => {
  await using at = await openStore();
  const other = sha256('other');
  await at.store.writeProto(protoOf('f1'), bytes);
  await at.store.writeProto(protoOf('f1', 'f', other), bytes);
  await at.store.writeProto(protoOf('f1', 'g', other), bytes);
  await at.store.keepProtos('ada' as UserName, 'f' as FunctionName, [version]);
  t.truthy(await at.store.readProto(protoOf()));
  t.is(await at.store.readProto(protoOf('f1', 'f', other)), undefined);
  t.truthy(await at.store.readProto(protoOf('f1', 'g', other)));
  await at.store.keepProtos('ada' as UserName, 'f' as FunctionName, []);
  t.is(await at.store.readProto(protoOf()), undefined);
  t.deepEqual(await readdir(join(at.root, 'protos', 'ada')), ['g']);
});

test('keepProtos() of a function without any does nothing', async (t) => {
  await using at = await openStore();
  await t.notThrowsAsync(at.store.keepProtos('ada' as UserName, 'f' as FunctionName, [version]));
});
