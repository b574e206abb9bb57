/** The rules of the house that a machine can check. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { flagOf, settingNames } from '../src/config/settings.ts';

const root = join(import.meta.dirname, '..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const isSource = (path: string): boolean => /^(proto|src|actors|deploy|test|bench)\/.*\.ts$/.test(path);
const sources = tracked.filter(isSource);
const pages = tracked.filter((path) => path.endsWith('.md'));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** What each file imports, starts as a thread or runs as a program, of the files here. */
const imports = new Map(sources.map((path) => [path, importsOf(path)]));

function importsOf(path: string): string[] {
  const text = read(path);
  const relative = [...text.matchAll(/(?:from|import\(|import|new URL\()\s*'(\.{1,2}\/[^']+)'/g)].map(
    (match) => normalize(join(dirname(path), match[1]!)),
  );
  const programs = [...text.matchAll(/'((?:actors|bench|test)\/[\w/-]+\.ts)'/g)].map((match) => match[1]!);
  return [...relative, ...programs].filter((each) => each.endsWith('.ts'));
}

/** Imports that are there when the program runs: a type leaves nothing behind. */
function runtimeImportsOf(path: string): string[] {
  const text = read(path).replaceAll(/(?:import|export) type [^;]*;/g, '');
  return [...text.matchAll(/(?:from|import)\s*'(\.{1,2}\/[^']+\.ts)'/g)].map((match) =>
    normalize(join(dirname(path), match[1]!)),
  );
}

test('every import leads to a file', (t) => {
  const broken = [...imports].flatMap(([path, all]) =>
    all.filter((each) => !existsSync(join(root, each))).map((each) => `${path} -> ${each}`),
  );
  t.deepEqual(broken, []);
});

test('imports go from actors to src to proto, never back', (t) => {
  const allowed: Record<string, readonly string[]> = {
    proto: ['proto'],
    src: ['proto', 'src'],
    actors: ['proto', 'src', 'actors'],
  };
  const wrong = [...imports].flatMap(([path, all]) => {
    const rooms = allowed[path.split('/')[0]!];
    return rooms === undefined
      ? []
      : all.filter((each) => !rooms.includes(each.split('/')[0]!)).map((each) => `${path} -> ${each}`);
  });
  t.deepEqual(wrong, []);
});

/** Each may import those before it. `src/run` has an engine without a host, and `src/functions` makes programs. */
const engineRooms: readonly string[] = ['wasm', 'memory', 'guest', 'faaslet', 'executor', 'worker-pool'];
const leaves: readonly string[] = ['wasm', 'memory'];

test('the rooms of the engine import each other in one direction, and the first two none', (t) => {
  const roomOf = (path: string): string => path.split('/')[1]!;
  const wrong = [...imports].flatMap(([path, all]) => {
    const at = path.startsWith('src/') ? engineRooms.indexOf(roomOf(path)) : -1;
    if (at === -1) return [];
    const mayImport = leaves.includes(roomOf(path)) ? [roomOf(path)] : engineRooms.slice(0, at + 1);
    return all
      .filter((each) => engineRooms.includes(roomOf(each)))
      .filter((each) => !mayImport.includes(roomOf(each)))
      .map((each) => `${path} -> ${each}`);
  });
  t.deepEqual(wrong, []);
});

test('what a class implements is no implementation: its contract is in a file without classes', (t) => {
  const declares = (path: string, name: string): boolean => read(path).includes(`export interface ${name} {`);
  const implemented = sources
    .filter((path) => /^(src|actors)\//.test(path))
    .flatMap((path) =>
      [...read(path).matchAll(/^(?:export )?class \w+ implements ([\w, ]+) \{/gm)]
        .flatMap((match) => match[1]!.split(', '))
        .flatMap((name) => (imports.get(path) ?? []).filter((each) => declares(each, name))),
    );
  t.true(implemented.length > 5);
  const wrong = implemented.filter((path) => /^(?:export )?class \w+ implements /m.test(read(path)));
  t.deepEqual(wrong, []);
});

test('proto imports no package', (t) => {
  const packages = sources
    .filter((path) => path.startsWith('proto/'))
    .flatMap((path) =>
      [...read(path).matchAll(/from '([^.][^']*)'/g)].map((match) => `${path} -> ${match[1]}`),
    );
  t.deepEqual(packages, []);
});

test('cores have no clock, no randomness and no node module', (t) => {
  const cores = sources.filter((path) => /^src\/.*\/(decide|layout|route)\.ts$/.test(path));
  t.true(cores.length >= 4);
  const impure = cores.filter((path) =>
    /'node:|Date\.now|performance\.|Math\.random|setTimeout|setInterval|process\./.test(read(path)),
  );
  t.deepEqual(impure, []);
});

/**
 * What takes time and chance from Node itself: Node's own ends, which a simulator has others in place of, and what runs
 * in threads and processes that it has none of. All others are handed them: see src/power/port.ts.
 */
const takers = [
  'actors/dev.ts',
  'actors/faasm.ts',
  'actors/node-powers.ts',
  'actors/pipe.ts',
  'actors/socket.ts',
  'src/build/',
  'src/bus/nats.ts',
  'src/calls/sqlite-queue-operations.ts',
  'src/cli/',
  'src/clock.ts',
  'src/executor/',
  'src/faaslet/',
  'src/files/disk-store.ts',
  'src/functions/asyncify.ts',
  'src/functions/preparer.ts',
  'src/functions/proto-file.ts',
  'src/functions/trial-process.ts',
  'src/functions/trial.ts',
  'src/guest/',
  'src/http/',
  'src/kernel-alarm.ts',
  'src/memory/',
  'src/nats-listener/',
  'src/power/node.ts',
  'src/redis-queue/',
  'src/run/',
  'src/state/stores/redis-store.ts',
  // Guests hold it for one copy, and spin.
  'src/state/tier/segment-mutex.ts',
  'src/storage/',
];

test('time and chance are handed in', (t) => {
  const taken =
    /\b(?:Date\.now|performance\.now|hrtime|set(?:Timeout|Interval|Immediate)|AbortSignal\.timeout|Math\.random|random(?:Bytes|UUID|Fill|Int)|getRandomValues)|'node:timers|new Date\(\)|\/(?:power\/node|clock)\.ts'/;
  const takes = sources.filter((path) => /^(?:src|actors)\//.test(path) && taken.test(read(path)));
  const isOf = (path: string) => (room: string) =>
    path === room || (room.endsWith('/') && path.startsWith(room));
  t.deepEqual(
    takes.filter((path) => !takers.some(isOf(path))),
    [],
  );
  t.deepEqual(
    takers.filter((room) => !takes.some((path) => isOf(path)(room))),
    [],
    'no longer take them',
  );
});

/** Shells that are longer than `shellMaxLines`: they may only become shorter, and none comes to them. */
const longShells: Record<string, number> = {
  'actors/dev.ts': 247,
  'actors/faasm.ts': 209,
  'actors/redis-adapter.ts': 208,
  'actors/socket.ts': 157,
};
const shellMaxLines = 150;

test('the shell of an actor is thin', (t) => {
  const lines = (path: string): number => read(path).trimEnd().split('\n').length;
  const shells = sources.filter((path) => path.startsWith('actors/') && / \* In: /.test(read(path)));
  t.true(shells.length > 5);
  t.deepEqual(
    shells.filter((path) => lines(path) > (longShells[path] ?? shellMaxLines)),
    [],
  );
  t.deepEqual(
    Object.keys(longShells).filter((path) => !shells.includes(path) || lines(path) <= shellMaxLines),
    [],
    'is thin now',
  );
});

test('only actors know the arguments, the environment and signals', (t) => {
  const knowing = sources
    .filter((path) => path.startsWith('src/') || path.startsWith('proto/'))
    // Programs of their own, run as child processes.
    .filter((path) => !path.endsWith('-process.ts'))
    .filter((path) => /process\.(argv|env|on\(|exit)/.test(read(path)));
  t.deepEqual(knowing, []);
});

test('nobody but a bus publishes what may throw: news is told', (t) => {
  const publishing = sources
    .filter((path) => /^(src|actors)\//.test(path) && !/^src\/(bus|nats-listener)\//.test(path))
    .filter((path) => /\bbus\.publish\(/i.test(read(path)));
  t.deepEqual(publishing, []);
});

test('there is no import cycle', (t) => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) {
      cycles.push([...above.slice(above.indexOf(path)), path].join(' -> '));
      return;
    }
    if (done.has(path) || !existsSync(join(root, path))) return;
    for (const each of runtimeImportsOf(path)) visit(each, [...above, path]);
    done.add(path);
  };
  for (const path of sources) visit(path, []);
  t.deepEqual(cycles, []);
});

test('every file is reached from a program, a thread or a test', (t) => {
  const scripts = Object.values(JSON.parse(read('package.json')).scripts as Record<string, string>).join(' ');
  const isRoot = (path: string): boolean =>
    scripts.includes(path) ||
    /^test\/(.*\.test|tidy)\.ts$/.test(path) ||
    path.startsWith('bench/load/') ||
    path.startsWith('bench/servers/');
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const each of imports.get(path) ?? []) visit(each);
  };
  for (const path of sources.filter(isRoot)) visit(path);
  t.deepEqual(
    sources.filter((path) => !reached.has(path) && !path.endsWith('.d.ts')),
    [],
  );
});

test('every production file is reached from the faasm command, or from what a program imports', (t) => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const each of imports.get(path) ?? []) visit(each);
  };
  for (const path of ['actors/faasm.ts', 'actors/index.ts']) visit(path);
  const unreached = sources.filter(
    (path) => /^(src|actors|proto)\//.test(path) && !reached.has(path) && !path.endsWith('.d.ts'),
  );
  // Stands behind its port for tests and simulators.
  const fakes = ['src/executor/fake.ts'];
  t.deepEqual(unreached, fakes);
});

test('every subject is used', (t) => {
  const users = sources
    .filter((path) => path.startsWith('actors/') || path.startsWith('src/'))
    .map(read)
    .join('\n');
  for (const [zone, owner] of [
    ['public', 'subjects'],
    ['control', 'control'],
    ['private', 'privateSubjects'],
  ] as const) {
    const methods = read(`proto/${zone}-subjects.ts`).matchAll(/^ {2}(\w+)(?:\(|: \()/gm);
    const names = [...methods].map((match) => match[1]!);
    t.true(names.length > 5, zone);
    const isUsed = (name: string): boolean => new RegExp(`\\b${owner}\\.${name}\\b`).test(users);
    t.deepEqual(
      names.filter((name) => !isUsed(name)),
      [],
    );
  }
});

/** All others, the ways in and the listener above all, speak and hear on public subjects alone. */
const roomsOfZones = {
  'proto/control-subjects.ts': [
    'actors/console.ts',
    'actors/host-bus.ts',
    'actors/membership.ts',
    'actors/scheduler.ts',
    'actors/start.ts',
    'actors/worker-pool.ts',
    'src/files/',
    'src/functions/',
    'src/hosts/',
    'src/nats-listener/boundary.ts',
    'src/scheduler/',
    'src/worker-pool/',
  ],
  'proto/private-subjects.ts': [
    'actors/console.ts',
    'actors/functions.ts',
    'actors/http-bridge.ts',
    'actors/scheduler.ts',
    'actors/state.ts',
    'actors/worker-pool.ts',
    'src/asks/',
    'src/calls/',
    'src/executor/',
    'src/files/',
    'src/functions/',
    'src/scheduler/',
    'src/worker-pool/',
  ],
} as const;

test('a room names the subjects of its own zones', (t) => {
  for (const [zone, rooms] of Object.entries(roomsOfZones)) {
    const namers = sources.filter(
      (path) => /^(proto|src|actors)\//.test(path) && imports.get(path)!.includes(zone),
    );
    const isOf = (path: string) => (room: string) =>
      path === room || (room.endsWith('/') && path.startsWith(room));
    t.deepEqual(
      namers.filter((path) => !rooms.some(isOf(path))),
      [],
      zone,
    );
    t.deepEqual(
      rooms.filter((room) => !namers.some((path) => isOf(path)(room))),
      [],
      `no longer name ${zone}`,
    );
  }
});

test('the ways in and the listener have no private bus', (t) => {
  const ways = sources.filter((path) => /^src\/(http|receive|redis-queue|nats-listener)\//.test(path));
  t.true(ways.length > 20);
  t.deepEqual(
    ways.filter((path) => /privateBus|bus\/private\.ts/.test(read(path))),
    [],
  );
});

test('every error code is used', (t) => {
  const codes = [...read('proto/errors.ts').matchAll(/^ {2}(\w+): \{ http/gm)].map((match) => match[1]!);
  const users = sources
    .filter((path) => !path.startsWith('test/') && path !== 'proto/errors.ts')
    .map(read)
    .join('\n');
  t.true(codes.length > 20);
  t.deepEqual(
    codes.filter((code) => !users.includes(`'${code}'`)),
    [],
  );
});

test('every setting tells some part of the host something, under a flag of its own', (t) => {
  const slices = read('src/config/config.ts');
  t.deepEqual(
    settingNames.filter((name) => !slices.includes(name)),
    [],
  );
  t.is(new Set(settingNames.map(flagOf)).size, settingNames.length);
});

test('every setting that an error message, a page or docker-compose.yml names exists', (t) => {
  const texts = sources.filter((path) => !path.startsWith('test/') && !path.startsWith('bench/')).map(read);
  const named = [...texts, ...pages.map(read), read('docker-compose.yml')].flatMap(
    (text) => text.match(/\bFAASM_[A-Z_]+[A-Z]\b/g) ?? [],
  );
  const known = new Set<string>([...settingNames, 'FAASM_URL', 'FAASM_ZYGOTE']);
  t.deepEqual(
    [...new Set(named)].filter((name) => !known.has(name.replace(/_FILE$/, ''))),
    [],
  );
});

test('every dependency is used and has its reason in the documentation', (t) => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  const program = sources
    .filter((path) => /^(src|actors)\//.test(path))
    .map(read)
    .join('\n');
  const unused = Object.keys(dependencies).filter((name) => !program.includes(`'${name}`));
  t.deepEqual(unused, []);
  const reasons = read('docs/architecture.md');
  t.deepEqual(
    Object.keys(dependencies).filter((name) => !reasons.includes(`\`${name}\``)),
    [],
  );
});

test('every room has its line in docs/architecture.md', (t) => {
  const rooms = new Set(sources.flatMap((path) => /^src\/[\w-]+\//.exec(path) ?? []));
  t.true(rooms.size > 10);
  const page = read('docs/architecture.md');
  t.deepEqual(
    [...rooms].filter((room) => !page.includes(`\`${room}\``)),
    [],
  );
});

test('every link of a page leads to a file, and to a heading in it', (t) => {
  const broken = pages.flatMap((page) => {
    const text = read(page).replaceAll(/^```.*?^```/gms, '');
    const links = [...text.matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].map(([, link]) => link!);
    return links.filter((link) => !leadsSomewhere(page, link)).map((link) => `${page} -> ${link}`);
  });
  t.deepEqual(broken, []);
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).includes(anchor);
}

/** As the usual renderers make them of headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

test('every package is pinned by its hash and needs no script to be installed', (t) => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { integrity?: string; resolved?: string; hasInstallScript?: true }>;
  };
  const installed = Object.entries(packages).filter(([path]) => path !== '');
  const named = (test: (entry: (typeof installed)[number][1]) => boolean): string[] =>
    installed.filter(([, entry]) => test(entry)).map(([path]) => path.replace(/^.*node_modules\//, ''));
  t.deepEqual(
    named(({ integrity }) => integrity === undefined),
    [],
  );
  t.deepEqual(
    named(({ resolved }) => resolved !== undefined),
    [],
  );
  const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> };
  t.deepEqual(
    named(({ hasInstallScript }) => hasInstallScript === true).filter((name) => allowScripts[name] !== false),
    [],
  );
});
