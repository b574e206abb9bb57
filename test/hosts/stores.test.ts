import test from 'ava';
import { loadConfig } from '../../src/config/config.ts';
import { differences, toHostStores } from '../../src/hosts/stores.ts';

const stores = (environment: Record<string, string>) => toHostStores(loadConfig({ environment }));

const differing = test.macro({
  exec(t, one: Record<string, string>, other: Record<string, string>, expected: readonly string[]) {
    const found = differences(stores(one), stores(other));
    t.deepEqual(
      found.map((each) => each.split(' ')[0]),
      expected,
    );
  },
  title: (about = '') => `toHostStores() ${about}`,
});

const redis = (url: string, more = {}) => ({ FAASM_STATE: 'redis', FAASM_REDIS_URL: url, ...more });
const data = (folder: string, more = {}) => ({ FAASM_DATA: folder, ...more });

test('tells the own folders of two hosts apart', differing, data('/a'), data('/b'), ['functions', 'state']);
test(
  'finds hosts alike that share all',
  differing,
  data('/a', redis('redis://x:6379/0', { FAASM_FUNCTIONS: '/f' })),
  data('/b', redis('redis://x:6379/0', { FAASM_FUNCTIONS: '/f' })),
  [],
);
test(
  'does not mind passwords and the usual port',
  differing,
  redis('redis://one:secret@x/0'),
  redis('redis://two:other@x:6379/0'),
  [],
);
test(
  'takes a folder and its URL for one',
  differing,
  { FAASM_FUNCTIONS: '/srv/f' },
  { FAASM_FUNCTIONS: 'file:///srv/f' },
  [],
);
test('tells databases apart', differing, redis('redis://x/0'), redis('redis://x/1'), ['state']);
test(
  'tells forms of keys apart',
  differing,
  redis('redis://x/0'),
  redis('redis://x/0', { FAASM_STATE_REDIS_KEYS: 'founding' }),
  ['state'],
);
test(
  'tells S3 servers apart',
  differing,
  { FAASM_FUNCTIONS: 's3://bucket/f', FAASM_S3_ENDPOINT: 'http://one' },
  { FAASM_FUNCTIONS: 's3://bucket/f', FAASM_S3_ENDPOINT: 'http://two' },
  ['functions'],
);
