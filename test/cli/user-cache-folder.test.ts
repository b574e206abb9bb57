import test from 'ava';
import { userCacheFolder } from '../../src/cli/user-cache-folder.ts';

const is = test.macro((t, environment: Record<string, string>, system: NodeJS.Platform, folder: string) => {
  t.is(userCacheFolder(environment, system), folder);
});

test(
  'userCacheFolder() is below XDG_CACHE_HOME',
  is,
  { XDG_CACHE_HOME: '/c', HOME: '/h' },
  'linux',
  '/c/faasm',
);
test(
  'userCacheFolder() passes a relative one over',
  is,
  { XDG_CACHE_HOME: 'c', HOME: '/h' },
  'linux',
  '/h/.cache/faasm',
);
test('userCacheFolder() is in the home folder', is, { HOME: '/h' }, 'linux', '/h/.cache/faasm');
test('userCacheFolder() is where macOS has caches', is, { HOME: '/h' }, 'darwin', '/h/Library/Caches/faasm');
