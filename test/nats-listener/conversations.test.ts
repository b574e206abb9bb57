/** The same conversations with the real server and with ours, word by word; one after the other, on one bus. */
import test from 'ava';
import { createMemoryBus } from '../../src/bus/memory.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Authorize } from '../../src/nats-listener/grant.ts';
import { type NatsListenerOptions, startNatsListener } from '../../src/nats-listener/server.ts';
import { nodePowers } from '../../src/power/node.ts';
import { startNatsServer } from '../_servers/nats-server.ts';
import { alone, converse, type Script } from './transcript.ts';

/** As large a message as a NATS server takes by itself. */
const defaults = { ...loadConfig().natsListener, maxPayloadBytes: 2 ** 20 };

interface Setting {
  readonly name: string;
  readonly config: string;
  readonly options: Partial<NatsListenerOptions>;
}

const token: Authorize = (credentials) => (credentials.token === 't0k' ? {} : undefined);
const permissions: Authorize = ({ user, password }) =>
  user === 'u' && password === 'p'
    ? { publish: (subject) => subject.startsWith('ok.'), subscribe: (subject) => subject.startsWith('ok.') }
    : undefined;

const settings = {
  plain: { name: 'plain', config: '', options: {} },
  token: {
    name: 'token',
    config: 'authorization { token: t0k, timeout: 3 }',
    options: { authorize: token, authTimeoutMs: 3000 },
  },
  permissions: {
    name: 'permissions',
    config:
      'authorization { users: [{user: u, password: p, permissions: {publish: ["ok.>"], subscribe: ["ok.>"]}}] }',
    options: { authorize: permissions },
  },
  tight: {
    name: 'tight',
    config: 'max_subs: 2\nping_interval: "100ms"\nping_max: 2\nmax_payload: 100',
    options: { maxSubscriptions: 2, pingIntervalMs: 100, maxPayloadBytes: 100 },
  },
  /** For one conversation alone: a connection that has just ended may still count. */
  full: { name: 'full', config: 'max_connections: 1', options: { maxConnections: 1 } },
} satisfies Record<string, Setting>;

const ports = new Map<string, { theirs: number; ours: number }>();
const closers: (() => Promise<void>)[] = [];

test.before(async () => {
  for (const { name, config, options } of Object.values(settings) as Setting[]) {
    const server = await startNatsServer({ config });
    const bus = createMemoryBus({ powers: nodePowers });
    const listener = await startNatsListener({ ...defaults, bus, host: '127.0.0.1', port: 0, ...options });
    closers.push(
      () => server.stop(),
      () => listener.close(),
    );
    ports.set(name, { theirs: server.port, ours: listener.port });
  }
});
test.after.always(async () => {
  for (const close of closers) await close();
});

const same = test.macro({
  title: (_, name: string) => `startNatsListener() answers as the server does: ${name}`,
  async exec(t, _: string, script: Script, setting: keyof typeof settings = 'plain') {
    const { theirs, ours } = ports.get(setting)!;
    const expected = await converse(theirs, script);
    t.deepEqual(await converse(ours, script), expected);
  },
});
const quiet =
  'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1}\r\n';
const plain = 'CONNECT {"verbose":false,"pedantic":false}\r\n';
const verbose = 'CONNECT {"verbose":true,"pedantic":false,"headers":true,"protocol":1}\r\n';
const pedantic = 'CONNECT {"verbose":false,"pedantic":true,"headers":true,"protocol":1}\r\n';
const noEcho = 'CONNECT {"verbose":false,"echo":false,"headers":true,"no_responders":true,"protocol":1}\r\n';
const ping = 'PING\r\n';

test.serial(same, 'PING before CONNECT', alone(ping));
test.serial(same, 'operations before CONNECT are verbose', alone(`SUB a 1\r\nPUB a 1\r\nx\r\n${ping}`));
test.serial(same, 'headers before CONNECT', alone('SUB a 1\r\nHPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n'));
test.serial(same, 'lower case', alone('connect {}\r\nsub a 1\r\npub a 1\r\nx\r\nping\r\n', ping));
test.serial(same, 'CONNECT twice', alone(`${quiet}${verbose}${ping}`));
test.serial(same, 'CONNECT without a space', alone(`CONNECT{"verbose":false}\r\n${ping}`));
test.serial(same, 'CONNECT with null', alone(`CONNECT null\r\n${ping}`));
for (const json of ['', '{x}', '[]', '7', '{"verbose":"yes"}', '{"protocol":"1"}', '{"name":7}']) {
  test.serial(same, `CONNECT with ${json || 'nothing'}`, alone(`CONNECT ${json}\r\n`));
}
test.serial(same, 'CONNECT alone', alone('CONNECT\r\n'));
test.serial(same, 'protocol 2', alone('CONNECT {"protocol":2}\r\n'));
test.serial(same, 'protocol -1', alone('CONNECT {"protocol":-1}\r\n'));
test.serial(same, 'no_responders without headers', alone('CONNECT {"no_responders":true}\r\n'));

test.serial(same, 'an unknown operation', alone(`${quiet}FOO\r\n`));
test.serial(same, 'an unknown letter, at once', alone(quiet, 'X'));
test.serial(same, 'an operation that goes wrong late', alone(quiet, 'PIX'));
test.serial(same, 'an empty line', alone(`${quiet}\r\n`));
test.serial(same, 'a space before', alone(`${quiet} PING\r\n`));
test.serial(same, 'HTTP', alone('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
test.serial(same, 'what only a server says: MSG', alone(`${quiet}MSG a 1 1\r\nx\r\n`));
test.serial(same, 'what only a server says: INFO', alone(`${quiet}INFO {}\r\n${ping}`));
test.serial(same, 'what only a server says: +OK', alone(`${quiet}+OK\r\n${ping}`));
test.serial(same, 'what only a server says: -ERR', alone(`${quiet}-ERR 'x'\r\n`));
test.serial(
  same,
  'operations before an unknown one are done',
  alone(`${quiet}SUB a 1\r\nPUB a 1\r\nx\r\nNO\r\n`),
);

test.serial(same, 'PING and PONG with more on the line', alone(`${quiet}PING x\r\nPONG x\r\n${ping}`));
test.serial(same, 'lines that end in a newline alone', alone(`${quiet}SUB a 1\nPUB a 1\nx\r\n${ping}`));
test.serial(same, 'a payload that ends in a newline alone', alone(`${quiet}PUB a 2\r\nhi\n`));

test.serial(same, 'PUB and SUB', alone(`${quiet}SUB a 1\r\nPUB a 2\r\nhi\r\n${ping}`));
test.serial(same, 'tabs and several spaces', alone(`${quiet}SUB\ta\t 1\r\nPUB \t a   2 \r\nhi\r\n${ping}`));
test.serial(same, 'an empty payload', alone(`${quiet}SUB a 1\r\nPUB a 0\r\n\r\n${ping}`));
test.serial(
  same,
  'a payload with operations in it',
  alone(`${quiet}SUB a 1\r\nPUB a 15\r\nSUB b 2\r\nPUB b\r\n${ping}`),
);
test.serial(same, 'a payload that is longer than said', alone(`${quiet}SUB a 1\r\nPUB a 2\r\nhixx\r\n`));
test.serial(same, 'a payload without the return', alone(`${quiet}SUB a 1\r\nPUB a 2\r\nhi\rx`));
for (const args of [
  '',
  'a',
  'a b c 2',
  'a -1',
  'a x',
  'a 1x',
  'a 0x1',
  'a 1.5',
  'a 99999999999',
  'a 9999999999',
  '   ',
]) {
  test.serial(same, `PUB with ${JSON.stringify(args)}`, alone(`${quiet}PUB ${args}\r\n`));
}
test.serial(same, 'PUB without a space', alone(`${quiet}PUB\r\n`));
test.serial(same, 'PUB too large', alone(`${quiet}PUB a 1048577\r\n`));
test.serial(same, 'PUB much too large', alone(`${quiet}PUB a 999999999\r\n`));
test.serial(
  same,
  'PUB as large as can be',
  alone(`${quiet}SUB a 1\r\nPUB a 1048576\r\n${'x'.repeat(1048576)}\r\n${ping}`),
);
test.serial(
  same,
  'PUB to an empty token',
  alone(`${quiet}SUB > 1\r\nPUB a..b 1\r\nx\r\nPUB .a 1\r\nx\r\nPUB a. 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'PUB to an empty token, pedantic',
  alone(`${pedantic}SUB > 1\r\nPUB a..b 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'PUB to a wildcard, pedantic',
  alone(`${pedantic}PUB a.* 1\r\nx\r\nPUB > 1\r\nx\r\n${ping}`),
);
test.serial(same, 'PUB verbose and pedantic', alone(`CONNECT {}\r\nPUB a.* 1\r\nx\r\n${ping}`));
test.serial(
  same,
  'PUB to a subject that only looks like a wildcard',
  alone(`${pedantic}SUB > 1\r\nPUB a*.>b 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'a subject that is UTF-8',
  alone(`${quiet}SUB gr\xc3\xbc\xc3\x9fe 1\r\nPUB gr\xc3\xbc\xc3\x9fe 1\r\nx\r\n${ping}`),
);
test.serial(same, 'bytes of any kind', alone(`${quiet}SUB a 1\r\nPUB a 4\r\n\x00\xff\r\n\r\n${ping}`));

for (const subject of ['a..b', '.a', 'a.', '.', 'a.>.b', '>.a']) {
  test.serial(same, `SUB ${subject}`, alone(`${quiet}SUB ${subject} 1\r\n${ping}`));
}
test.serial(same, 'SUB to a bad subject, verbose', alone(`${verbose}SUB a..b 1\r\n${ping}`));
for (const args of ['', 'a', 'a b c d', '   '])
  test.serial(same, `SUB with ${JSON.stringify(args)}`, alone(`${quiet}SUB ${args}\r\n`));
test.serial(same, 'SUB without a space', alone(`${quiet}SUB\r\n`));
test.serial(same, 'SUB with a text for an id', alone(`${quiet}SUB a foo\r\nPUB a 0\r\n\r\n${ping}`));
test.serial(
  same,
  'SUB with an id that is taken',
  alone(`${quiet}SUB a 1\r\nSUB b 1\r\nPUB a 0\r\n\r\nPUB b 0\r\n\r\n${ping}`),
);
test.serial(
  same,
  'SUB with *',
  alone(`${quiet}SUB a.*.c 1\r\nPUB a.b.c 1\r\nx\r\nPUB a.c 1\r\nx\r\nPUB a.b.c.d 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'SUB with >',
  alone(`${quiet}SUB a.> 1\r\nPUB a.b.c 1\r\nx\r\nPUB a 1\r\nx\r\nPUB b.a 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'SUB with a star in a token',
  alone(`${quiet}SUB *a 1\r\nSUB >x 2\r\nPUB *a 1\r\nx\r\nPUB ba 1\r\nx\r\nPUB >x 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'SUB in a queue group',
  alone(`${quiet}SUB a q 1\r\nPUB a 1\r\nx\r\nPUB a 1\r\ny\r\n${ping}`),
);
test.serial(
  same,
  'SUB in a queue group beside a plain one',
  alone(`${quiet}SUB a q 1\r\nSUB a 2\r\nPUB a 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'SUB in a queue group with an odd name',
  alone(`${quiet}SUB a q.* 1\r\nSUB a .. 2\r\nPUB b 0\r\n\r\n${ping}`),
);

test.serial(same, 'UNSUB', alone(`${quiet}SUB a 1\r\nUNSUB 1\r\nPUB a 1\r\nx\r\n${ping}`));
test.serial(same, 'UNSUB of nothing', alone(`${verbose}UNSUB 9\r\n${ping}`));
test.serial(
  same,
  'UNSUB and SUB again',
  alone(`${quiet}SUB a 1\r\nUNSUB 1\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n${ping}`),
);
const three = 'PUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n';
for (const max of ['0', '1', '2', '3', '-1', 'x', '99999999999']) {
  test.serial(
    same,
    `UNSUB with the end ${max}`,
    alone(`${quiet}SUB a 1\r\nUNSUB 1 ${max}\r\n${three}${ping}`),
  );
  test.serial(
    same,
    `UNSUB with the end ${max} after two`,
    alone(`${quiet}SUB a 1\r\n${three.slice(0, 24)}UNSUB 1 ${max}\r\n${three}${ping}`),
  );
}
test.serial(
  same,
  'UNSUB with an end that is changed',
  alone(`${quiet}SUB a 1\r\nUNSUB 1 1\r\nUNSUB 1 2\r\n${three}${ping}`),
);
test.serial(
  same,
  'UNSUB with an end, then a new SUB by that id',
  alone(`${quiet}SUB a 1\r\nUNSUB 1 1\r\n${three}SUB a 1\r\n${three}${ping}`),
);
for (const args of ['', '1 2 3'])
  test.serial(same, `UNSUB with ${JSON.stringify(args)}`, alone(`${quiet}UNSUB ${args}\r\n`));
test.serial(same, 'UNSUB without a space', alone(`${quiet}UNSUB\r\n`));

test.serial(
  same,
  'verbose',
  alone(
    `${verbose}SUB a 1\r\nPUB a 1\r\nx\r\nHPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\nUNSUB 1\r\nPONG\r\n${ping}`,
  ),
);

const block = 'NATS/1.0\r\nA: 1\r\n\r\n';
test.serial(same, 'HPUB', alone(`${quiet}SUB a 1\r\nHPUB a 18 20\r\n${block}hi\r\n${ping}`));
test.serial(
  same,
  'HPUB with a reply subject',
  alone(`${quiet}SUB a 1\r\nSUB r 2\r\nHPUB a r 18 20\r\n${block}hi\r\n${ping}`),
);
test.serial(same, 'HPUB with no body', alone(`${quiet}SUB a 1\r\nHPUB a 18 18\r\n${block}\r\n${ping}`));
test.serial(same, 'HPUB with no headers', alone(`${quiet}SUB a 1\r\nHPUB a 0 1\r\nx\r\n${ping}`));
test.serial(
  same,
  'HPUB with headers as they are',
  alone(`${quiet}SUB a 1\r\nHPUB a 31 32\r\nNATS/1.0\r\nx-y:1\r\nX-Y:   2\r\n\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'HPUB with a status',
  alone(`${quiet}SUB a 1\r\nHPUB a 21 21\r\nNATS/1.0 404 Gone\r\n\r\n\r\n${ping}`),
);
test.serial(
  same,
  'HPUB with headers that are none',
  alone(`${quiet}SUB a 1\r\nHPUB a 4 5\r\nabcdx\r\n${ping}`),
);
for (const args of [
  '',
  'a',
  'a 10',
  'a b c 12 12',
  'a x 10',
  'a 2 x',
  'a -1 1',
  'a 1 -1',
  'a 20 10',
  '   ',
]) {
  test.serial(same, `HPUB with ${JSON.stringify(args)}`, alone(`${quiet}HPUB ${args}\r\n`));
}
test.serial(same, 'HPUB without a space', alone(`${quiet}HPUB\r\n`));
test.serial(same, 'HPUB too large', alone(`${quiet}HPUB a 12 1048577\r\n`));
test.serial(same, 'HPUB of a client without headers', alone(`${plain}HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n`));
test.serial(same, 'HPUB to a client without headers', [
  ['reader', `${plain}SUB a 1\r\n${ping}`],
  ['writer', `${quiet}HPUB a 18 20\r\n${block}hi\r\n${ping}`],
  ['reader', ping],
]);

test.serial(same, 'no responders', alone(`${quiet}SUB r 1\r\nPUB a r 1\r\nx\r\n${ping}`));
test.serial(
  same,
  'no responders, with headers',
  alone(`${quiet}SUB r 1\r\nHPUB a r 18 20\r\n${block}hi\r\n${ping}`),
);
test.serial(
  same,
  'no responders, reply by a wildcard',
  alone(`${quiet}SUB r.* 7\r\nPUB a r.1 1\r\nx\r\n${ping}`),
);
test.serial(same, 'no responders, nobody at the reply subject', alone(`${quiet}PUB a r.1 1\r\nx\r\n${ping}`));
test.serial(same, 'no responders, not asked for', alone(`${plain}SUB r 1\r\nPUB a r 1\r\nx\r\n${ping}`));
test.serial(
  same,
  'no responders, but somebody',
  alone(`${quiet}SUB r 1\r\nSUB a 2\r\nPUB a r 1\r\nx\r\n${ping}`),
);
test.serial(
  same,
  'no responders, the end counts it',
  alone(`${quiet}SUB r 1\r\nUNSUB 1 1\r\nPUB a r 0\r\n\r\nPUB a r 0\r\n\r\n${ping}`),
);

test.serial(same, 'no echo', alone(`${noEcho}SUB a 1\r\nPUB a 1\r\nx\r\n${ping}`));
test.serial(
  same,
  'no echo, and so no responders',
  alone(`${noEcho}SUB a 1\r\nSUB r 2\r\nPUB a r 1\r\nx\r\n${ping}`),
);
test.serial(same, 'no echo, others hear', [
  ['reader', `${quiet}SUB a 1\r\n${ping}`],
  ['writer', `${noEcho}SUB a 1\r\nPUB a 1\r\nx\r\n${ping}`],
  ['reader', `PUB a 1\r\ny\r\n${ping}`],
  ['writer', ping],
]);
test.serial(same, 'no echo, others answer', [
  ['reader', `${quiet}SUB a 1\r\n${ping}`],
  ['writer', `${noEcho}SUB r.* 1\r\nPUB a r.1 1\r\nx\r\n${ping}`],
  ['reader', `PUB r.1 2\r\nok\r\n${ping}`],
  ['writer', ping],
]);
test.serial(same, 'somebody leaves', [
  ['reader', `${quiet}SUB a 1\r\n${ping}`],
  ['writer', `${quiet}SUB r 1\r\nPUB a r 1\r\n1\r\n${ping}`],
  ['reader', 'X'],
  ['writer', `PUB a r 1\r\n2\r\n${ping}`],
]);

test.serial(same, 'a line as long as can be', alone(`${quiet}SUB ${'a'.repeat(4094)} 1\r\n${ping}`));
test.serial(same, 'a line too long', alone(`${quiet}SUB ${'a'.repeat(4095)} 1\r\n`));
test.serial(same, 'a line much too long', alone(`${quiet}SUB ${'a'.repeat(5000)} 1\r\n`));
test.serial(same, 'a line without an end', alone(`${quiet}PUB ${'a'.repeat(4200)}`));
test.serial(
  same,
  'a line without an end, in parts',
  alone(`${quiet}PUB ${'a'.repeat(3000)}`, 'a'.repeat(3000)),
);
test.serial(same, 'a CONNECT too long', alone(`CONNECT {"name":"${'a'.repeat(5000)}"}\r\n`));

const whole = `${quiet}SUB a.* q 1\r\nPUB a.b r.1 5\r\nhe\r\no\r\nHPUB a.c 18 20\r\n${block}hi\r\nUNSUB 1\r\n`;
for (const size of [1, 2, 3, 7, 19, 50]) {
  const parts = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) =>
    whole.slice(at * size, (at + 1) * size),
  );
  test.serial(same, `chunks of ${size}`, alone(...parts, ping));
}

test.serial(same, 'PING first where a token is wanted', alone(ping), 'token');
test.serial(same, 'SUB first where a token is wanted', alone('SUB a 1\r\n'), 'token');
test.serial(same, 'nonsense first where a token is wanted', alone('X'), 'token');
test.serial(same, 'CONNECT without the token', alone(quiet), 'token');
test.serial(same, 'CONNECT with a wrong token', alone('CONNECT {"auth_token":"no"}\r\n'), 'token');
test.serial(same, 'CONNECT with the token', alone(`CONNECT {"auth_token":"t0k"}\r\n${ping}`), 'token');
test.serial(
  same,
  'CONNECT with the token, one letter at a time',
  alone(...'CONNECT {"auth_token":"t0k"}', `\r\n${ping}`),
  'token',
);
test.serial(same, 'no CONNECT at all where a token is wanted', alone(''), 'token');

const user = '"user":"u","pass":"p"';
const refused = `PUB no 1\r\nx\r\nSUB no 1\r\nSUB no q 2\r\nSUB ok.a 3\r\nPUB ok.a 1\r\nx\r\n${ping}`;
test.serial(
  same,
  'what is not permitted',
  alone(`CONNECT {${user},"verbose":false}\r\n${refused}`),
  'permissions',
);
test.serial(same, 'what is not permitted, verbose', alone(`CONNECT {${user}}\r\n${refused}`), 'permissions');
test.serial(same, 'a wrong password', alone('CONNECT {"user":"u","pass":"no"}\r\n'), 'permissions');

test.serial(
  same,
  'too many subscriptions',
  alone(`${quiet}SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 1\r\nSUB d 4\r\n${ping}`),
  'tight',
);
test.serial(same, 'a payload limit of its own', alone(`${quiet}PUB a 101\r\n`), 'tight');
test.serial(same, 'a client that leaves pings without an answer', alone(quiet), 'tight');
test.serial(
  same,
  'too many connections',
  [
    ['first', `${quiet}${ping}`],
    ['second', ''],
    ['first', ping],
  ],
  'full',
);
