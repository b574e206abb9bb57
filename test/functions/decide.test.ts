import test, { type ExecutionContext } from 'ava';
import { noSettings } from '../../proto/function-settings.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { type FunctionName, toFunctionName, toUserName } from '../../proto/names.ts';
import {
  createFunctionsState,
  decide,
  type FunctionsEffect,
  type FunctionsLimits,
  type FunctionsMessage,
  mayBeThere,
  versionToRun,
  withVersion,
} from '../../src/functions/decide.ts';
import type { KeptFunction } from '../../src/functions/port.ts';
import { createRandom } from '../random.ts';

const user = toUserName('ada');
const [f, g, h] = ['f', 'g', 'h'].map((name) => toFunctionName(name)) as [
  FunctionName,
  FunctionName,
  FunctionName,
];

const limits: FunctionsLimits = { store: 'here', isShared: false, functionsPerUserMax: 2, versionsKept: 2 };

/** A version is called as its module. */
const version = (module: string) => ({
  version: module,
  module,
  settings: noSettings,
  sizeBytes: 1,
  uploadedAtMs: 0,
});
const kept = (name: FunctionName, modules: readonly string[], revision = 1): KeptFunction => ({
  description: { user, name, live: modules[0]!, versions: modules.map(version), revision },
  tag: `${modules}@${revision}`,
});

function start(more: Partial<FunctionsLimits> = {}) {
  const state = createFunctionsState({ ...limits, ...more });
  const tell = (message: FunctionsMessage) => decide(state, message).map(describe);
  const read = (
    name: FunctionName,
    found: KeptFunction | undefined,
    before = state.known.get(`${user}/${name}`),
  ) => tell({ type: 'read', user, name, found, before, wallMs: 100, steadyMs: 100 });
  const begin = (name: FunctionName, condition = {}) => tell({ type: 'begun', user, name, condition });
  return {
    state,
    tell,
    read,
    begin,
    ended: (name: FunctionName) => tell({ type: 'ended', user, name }),
    /** An upload from its begin to its end, and what it does in all. */
    upload(name: FunctionName, module: string): string[] {
      const effects = begin(name);
      if (effects.length > 0) return effects;
      tell({ type: 'prepares', user, name, module });
      const description = withVersion(state, { user, name }, version(module), 100);
      const written = tell({ type: 'written', kept: { description, tag: `${description.revision}` } });
      return [...written, ...tell({ type: 'ended', user, name })];
    },
    remove: (name: FunctionName) =>
      tell({ type: 'removed', description: state.known.get(`${user}/${name}`)!.description, wallMs: 100 }),
    listed: (...all: readonly KeptFunction[]) =>
      tell({
        type: 'listed',
        functions: all.map(({ description, tag }) => ({ user, name: description.name, tag })),
        wallMs: 100,
      }),
    unreadable: (name: FunctionName, tag: string) =>
      tell({ type: 'unreadable', user, name, tag, error: new Error('damaged') }),
    heard: (name: FunctionName, live: string | null, revision: number) =>
      tell({ type: 'heard', change: { user, name, version: live, revision, store: 'here' } }),
    swept: (...modules: readonly string[]) =>
      tell({
        type: 'swept',
        modules: modules.map((module, modifiedMs) => ({ module, modifiedMs })),
        writtenBeforeMs: 10,
      }),
  };
}

function describe(effect: FunctionsEffect): string {
  switch (effect.type) {
    case 'refuse':
      return `refuse ${effect.error.code}`;
    case 'read':
      return `read ${effect.functions.map(({ name }) => name)}`;
    case 'tell':
    case 'tellAll':
    case 'announce':
      return `${effect.type} ${effect.change.name} ${effect.change.version} ${effect.change.revision}`;
    case 'removeModule':
      return `removeModule ${effect.module}`;
    case 'keepProtos':
      return `keepProtos ${effect.name} ${effect.versions}`;
    default:
      return `${effect.type} ${effect.name}`;
  }
}

test('decide() makes an upload live, tells all of it and drops the oldest version', (t) => {
  const { upload, state } = start();
  t.deepEqual(upload(f, 'a'), ['announce f a 100', 'keepProtos f a']);
  t.deepEqual(upload(f, 'b'), ['announce f b 101', 'keepProtos f b,a']);
  t.deepEqual(upload(f, 'c'), ['announce f c 102', 'keepProtos f c,b', 'removeModule a']);
  t.deepEqual(upload(f, 'b'), ['announce f b 103', 'keepProtos f b,c']);
  t.is(state.retired.size, 0);
});

test('decide() keeps a module that another function has, or an upload that is prepared', (t) => {
  const { upload, begin, tell, remove, ended } = start({ functionsPerUserMax: 9 });
  upload(f, 'a');
  upload(g, 'a');
  t.deepEqual(remove(f), ['forget f', 'announce f null 101', 'keepProtos f ']);
  begin(h);
  tell({ type: 'prepares', user, name: h, module: 'a' });
  t.deepEqual(remove(g), ['forget g', 'announce g null 101', 'keepProtos g ']);
  t.deepEqual(ended(h), ['removeModule a']);
});

test('decide() keeps the module of a runtime and the own one until an upload is over', (t) => {
  const { upload, begin, tell, remove, ended } = start();
  upload(f, 'base');
  begin(g);
  for (const module of ['base', 'own']) tell({ type: 'prepares', user, name: g, module });
  remove(f);
  t.deepEqual(ended(g), ['removeModule base', 'removeModule own']);
});

test('decide() refuses one function too many, with those that are prepared', (t) => {
  const { upload, begin, ended, remove } = start();
  upload(f, 'a');
  t.deepEqual(begin(g), []);
  t.deepEqual(begin(h), ['refuse too_many_requests']);
  t.deepEqual(upload(f, 'b'), ['announce f b 101', 'keepProtos f b,a']);
  ended(g);
  t.deepEqual(begin(h), []);
  remove(f);
  t.deepEqual(begin(g), []);
});

test('decide() counts nothing of a user whose name begins the same', (t) => {
  const { state, begin } = start({ functionsPerUserMax: 1 });
  const others = toUserName(`${user}2`);
  state.known.set(`${others}/f`, kept(f, ['a']));
  t.deepEqual(begin(f), []);
});

const conditional = test.macro({
  title: (_, condition: object, isThere: boolean, expected: string) =>
    `decide() with ${JSON.stringify(condition)} on ${isThere ? 'version a' : 'nothing'}: ${expected}`,
  exec(t: ExecutionContext, condition: object, isThere: boolean, expected: string) {
    const { upload, begin } = start();
    if (isThere) upload(f, 'a');
    t.deepEqual(begin(f, condition), expected === 'taken' ? [] : [expected]);
  },
});
test(conditional, {}, false, 'taken');
test(conditional, { ifMatch: 'a' }, true, 'taken');
test(conditional, { ifMatch: '*' }, true, 'taken');
test(conditional, { ifMatch: 'b' }, true, 'refuse precondition_failed');
test(conditional, { ifMatch: '*' }, false, 'refuse precondition_failed');
test(conditional, { ifAbsent: true }, true, 'refuse precondition_failed');
test(conditional, { ifAbsent: true }, false, 'taken');

test('decide() tells the actors here of what is found in a shared store, and all hosts of what is found in an own one', (t) => {
  const shared = start({ isShared: true });
  t.deepEqual(shared.read(f, kept(f, ['a'])), ['tell f a 1']);
  t.deepEqual(shared.read(f, kept(f, ['a'])), []);
  t.deepEqual(shared.read(f, kept(f, ['b'], 2)), ['tell f b 2']);
  t.deepEqual(shared.read(f, undefined), ['forget f', 'tell f null 100']);
  const own = start();
  t.deepEqual(own.read(f, kept(f, ['a'])), ['tellAll f a 1']);
  t.deepEqual(own.read(f, undefined), ['forget f', 'tellAll f null 100']);
});

test('decide() leaves what this host has changed since the reading began', (t) => {
  const { state, upload, read, remove } = start({ isShared: true });
  upload(f, 'own');
  t.deepEqual(read(f, kept(f, ['old']), kept(f, ['older'])), []);
  t.is(state.known.get(`${user}/f`)?.description.live, 'own');
  t.deepEqual(read(f, undefined, kept(f, ['old'])), []);
  const before = state.known.get(`${user}/f`)!;
  remove(f);
  t.deepEqual(read(f, before, before), []);
  t.is(state.known.size, 0);
});

test('decide() reads what is new or changed in a list, and forgets what is not in it', (t) => {
  const { listed, read } = start({ isShared: true });
  t.deepEqual(listed(kept(f, ['a']), kept(g, ['a'])), ['read f,g']);
  read(f, kept(f, ['a']));
  read(g, kept(g, ['a']));
  t.deepEqual(listed(kept(f, ['a']), kept(g, ['a'])), []);
  t.deepEqual(listed(kept(f, ['b'])), ['forget g', 'tell g null 100', 'read f']);
});

test('decide() reads the store for a version that it heard of and does not have, where others have the store', (t) => {
  const { heard, read } = start({ isShared: true });
  t.deepEqual(heard(f, 'a', 5), ['tell f a 5', 'read f']);
  read(f, kept(f, ['a'], 5));
  t.deepEqual(heard(f, 'a', 5), ['tell f a 5']);
  t.deepEqual(heard(f, null, 6), ['tell f null 6', 'read f']);
  t.deepEqual(heard(g, null, 6), ['tell g null 6']);
  const own = start();
  t.deepEqual(own.heard(f, 'a', 5), ['tell f a 5']);
});

test('decide() says once what cannot be read, and removes no module meanwhile', (t) => {
  const { upload, unreadable, remove, read, listed } = start();
  upload(f, 'a');
  t.deepEqual(unreadable(g, 'x'), ['report g']);
  t.deepEqual(unreadable(g, 'x'), []);
  t.deepEqual(unreadable(g, 'y'), ['report g']);
  t.deepEqual(remove(f), ['forget f', 'announce f null 101', 'keepProtos f ']);
  t.deepEqual(read(g, kept(g, ['b'])), ['tellAll g b 1', 'removeModule a']);
  unreadable(f, 'z');
  upload(g, 'c');
  upload(g, 'd');
  t.deepEqual(listed(kept(g, ['d', 'c'], 102)), ['read g', 'removeModule b']);
});

test('decide() removes of a shared store only what is old, and what neither versions nor uploads have', (t) => {
  const { upload, remove, begin, tell, unreadable, swept, read } = start({ isShared: true, versionsKept: 1 });
  upload(f, 'a');
  t.deepEqual(upload(f, 'b'), ['announce f b 101', 'keepProtos f b']);
  upload(g, 'c');
  t.deepEqual(remove(g), ['forget g', 'announce g null 101', 'keepProtos g ']);
  begin(h);
  tell({ type: 'prepares', user, name: h, module: 'd' });
  const young = ['6', '7', '8', '9', 'young'];
  t.deepEqual(
    swept('a', 'b', 'c', 'd', 'e', 'f', ...young),
    ['a', 'c', 'e', 'f', ...young.slice(0, 4)].map((module) => `removeModule ${module}`),
  );
  unreadable(g, 'x');
  t.deepEqual(swept('a'), []);
  read(g, undefined);
  t.deepEqual(swept('a'), ['removeModule a']);
});

test('mayBeThere() believes for a second that a function is nowhere, unless one is heard of', (t) => {
  const { state, read, heard, upload } = start({ isShared: true });
  const isUnsure = (name: FunctionName, steadyMs: number) => mayBeThere(state, { user, name }, steadyMs);
  t.true(isUnsure(f, 100));
  read(f, undefined);
  t.false(isUnsure(f, 1099));
  t.true(isUnsure(f, 1100));
  heard(f, 'a', 1);
  t.true(isUnsure(f, 101));
  // The store does not have it yet.
  read(f, undefined);
  t.true(isUnsure(f, 101));
  upload(f, 'a');
  t.false(isUnsure(f, 101));
  const own = start();
  t.false(mayBeThere(own.state, { user, name: f }, 0));
  own.unreadable(f, 'x');
  t.true(mayBeThere(own.state, { user, name: f }, 0));
});

test('decide() remembers a bounded number of functions that are nowhere, the latest ones', (t) => {
  const { state, read } = start({ isShared: true });
  for (let at = 0; at <= 10_000; at++) read(toFunctionName(`f${at}`), undefined);
  t.is(state.missing.size, 10_000);
  t.false(state.missing.has(`${user}/f0`));
});

const runs = test.macro({
  title: (_, isShared: boolean, heardRevision: number, wanted: string, isRead: boolean, expected?: string) =>
    `versionToRun() of versions b, a at revision 5, ${isShared ? 'shared' : 'own'} store, revision ${heardRevision} heard of, ${wanted} wanted${isRead ? ' and read' : ''}: ${expected ?? 'read again'}`,
  exec(
    t: ExecutionContext,
    isShared: boolean,
    heardRevision: number,
    wanted: string,
    isRead: boolean,
    expected?: string,
  ) {
    const { state, heard } = start({ isShared });
    heard(f, 'z', heardRevision);
    t.is(versionToRun(state, kept(f, ['b', 'a'], 5).description, wanted, isRead), expected);
  },
});
test(runs, false, 9, 'a', false, 'a');
test(runs, false, 9, 'gone', false, 'b');
test(runs, true, 9, 'a', false, 'a');
test(runs, true, 5, 'gone', false, undefined);
test(runs, true, 5, 'gone', true, 'b');
test(runs, true, 6, 'z', false, undefined);
test(runs, true, 6, 'z', true, undefined);

for (const isShared of [false, true]) {
  for (const seed of [41, 42, 43, 44, 45]) {
    test(`decide() loses no module, keeps none in vain and tells in order (${isShared ? 'shared' : 'own'} store, seed ${seed})`, (t) => {
      new History(t, isShared, seed).run(3000);
    });
  }
}

/** It has begun, and has found this. */
interface Reading {
  readonly name: FunctionName;
  readonly before: KeptFunction | undefined;
  readonly found: KeptFunction | undefined;
}

/** A store, and what uploads, deletes, readings and other hosts do to it, each step at any time. */
class History {
  readonly #t: ExecutionContext;
  readonly #isShared: boolean;
  readonly #random: ReturnType<typeof createRandom>;
  readonly #state: ReturnType<typeof createFunctionsState>;
  readonly #stored = new Map<FunctionName, KeptFunction>();
  /** When each was written. */
  readonly #modules = new Map<string, number>();
  readonly #names = ['f', 'g', 'h', 'i', 'j'].map((name) => toFunctionName(name));
  readonly #uploads = new Map<FunctionName, string>();
  readonly #readings: Reading[] = [];
  readonly #damaged = new Set<FunctionName>();
  readonly #told = new Map<FunctionName, number>();
  #nowMs = 1000;

  constructor(t: ExecutionContext, isShared: boolean, seed: number) {
    this.#t = t;
    this.#isShared = isShared;
    this.#random = createRandom(seed);
    this.#state = createFunctionsState({ ...limits, isShared, functionsPerUserMax: 4 });
  }

  run(steps: number): void {
    for (let at = 0; at < steps; at++) {
      this.#nowMs += this.#random.below(3);
      this.#change(this.#random.below(12), this.#random.pick(this.#names));
      this.#check();
    }
    for (const name of [...this.#uploads.keys()]) this.#end(name);
    this.#readings.length = 0;
    this.#damaged.clear();
    this.#list();
    while (this.#readings.length > 0) this.#read(0);
    if (this.#isShared) this.#sweep(Number.POSITIVE_INFINITY);
    this.#check();
    this.#t.deepEqual([...this.#modules.keys()].sort(), [...this.#used()].sort());
  }

  #change(what: number, name: FunctionName): void {
    const before = this.#state.known.get(`${user}/${name}`);
    const isBusy = this.#uploads.has(name);
    if (what <= 1 && !isBusy) this.#begin(name);
    else if (what <= 3 && isBusy) this.#write(name);
    else if (what === 4 && isBusy) this.#end(name);
    else if (what === 5 && !isBusy && before !== undefined) {
      this.#stored.delete(name);
      this.#damaged.delete(name);
      this.#tell({ type: 'removed', description: before.description, wallMs: this.#nowMs });
    } else if (what === 6) this.#list();
    else if (what <= 8 && this.#readings.length > 0) this.#read(this.#random.below(this.#readings.length));
    else if (what === 9 && this.#stored.has(name))
      this.#damaged[this.#random.below(2) === 0 ? 'add' : 'delete'](name);
    else if (what === 10 && this.#isShared) this.#elsewhere(name);
    else if (what === 11 && this.#isShared) this.#sweep(this.#nowMs - 1000);
  }

  #begin(name: FunctionName): void {
    if (this.#tell({ type: 'begun', user, name, condition: {} }).length > 0) return;
    const module = `m${this.#random.below(8)}`;
    this.#uploads.set(name, module);
    this.#tell({ type: 'prepares', user, name, module });
    this.#modules.set(module, this.#nowMs);
  }

  #write(name: FunctionName): void {
    const before = this.#state.known.get(`${user}/${name}`);
    // Else it would be refused, and tried again when it was read.
    if (before?.tag !== this.#stored.get(name)?.tag) return;
    const uploaded = version(this.#uploads.get(name)!);
    this.#store(withVersion(this.#state, { user, name }, uploaded, this.#nowMs));
    this.#tell({ type: 'written', kept: this.#stored.get(name)! });
    this.#end(name);
  }

  #end(name: FunctionName): void {
    this.#uploads.delete(name);
    this.#tell({ type: 'ended', user, name });
  }

  #store(description: FunctionDescription): void {
    const { name, revision } = description;
    this.#damaged.delete(name);
    this.#stored.set(name, { description, tag: `${name}@${revision}@${this.#nowMs}` });
  }

  /** Another host writes it, or deletes it. */
  #elsewhere(name: FunctionName): void {
    const { description } = this.#stored.get(name) ?? {};
    const revision = Math.max(this.#nowMs, (description?.revision ?? 0) + 1);
    const module = `m${this.#random.below(8)}`;
    const isDeleted = description !== undefined && this.#random.below(2) === 0;
    if (isDeleted) this.#stored.delete(name);
    else {
      this.#modules.set(module, this.#nowMs);
      const versions = [version(module), ...(description?.versions ?? [])].slice(0, 2);
      this.#store({ user, name, live: module, versions, revision });
    }
    if (this.#random.below(3) === 0) return;
    const change = { user, name, version: isDeleted ? null : module, revision, store: 'here' };
    this.#tell({ type: 'heard', change });
  }

  #list(): void {
    const functions = [...this.#stored].map(([name, { tag }]) => ({ user, name, tag }));
    this.#tell({ type: 'listed', functions, wallMs: this.#nowMs });
  }

  #read(at: number): void {
    const [{ name, before, found }] = this.#readings.splice(at, 1) as [Reading];
    if (found !== undefined && this.#damaged.has(name)) {
      const error = new Error('damaged');
      this.#tell({ type: 'unreadable', user, name, tag: found.tag, error });
      return;
    }
    const [wallMs, steadyMs] = [this.#nowMs, this.#nowMs];
    this.#tell({ type: 'read', user, name, found, before, wallMs, steadyMs });
  }

  /** Right after the store was read, as it is done. */
  #sweep(writtenBeforeMs: number): void {
    this.#readings.length = 0;
    this.#list();
    while (this.#readings.length > 0) this.#read(0);
    const modules = [...this.#modules].map(([module, modifiedMs]) => ({ module, modifiedMs }));
    this.#tell({ type: 'swept', modules, writtenBeforeMs });
  }

  #tell(message: FunctionsMessage): readonly FunctionsEffect[] {
    const effects = decide(this.#state, message);
    for (const effect of effects) {
      if (effect.type === 'removeModule') this.#modules.delete(effect.module);
      if (effect.type === 'read')
        for (const { name } of effect.functions) {
          const before = this.#state.known.get(`${user}/${name}`);
          this.#readings.push({ name, before, found: this.#stored.get(name) });
        }
      if (effect.type !== 'announce' && effect.type !== 'tellAll') continue;
      const { name, revision } = effect.change;
      if (!this.#isShared && revision <= (this.#told.get(name) ?? 0))
        this.#t.fail(`${name} is told out of order`);
      this.#told.set(name, revision);
    }
    return effects;
  }

  #used(): Set<string> {
    return new Set(
      [...this.#stored.values()].flatMap(({ description }) =>
        description.versions.map(({ module }) => module),
      ),
    );
  }

  #check(): void {
    for (const module of [...this.#used(), ...this.#uploads.values()])
      if (!this.#modules.has(module)) this.#t.fail(`${module} is gone`);
    const names = new Set([...this.#state.known.keys(), ...this.#state.preparing.keys()]);
    if (!this.#isShared && names.size > 4) this.#t.fail('too many functions');
  }
}
