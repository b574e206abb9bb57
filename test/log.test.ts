import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { createLog } from '../src/log.ts';

const version = 'a01c6db8035d466032d565e86699113424a9057ec5cdbdf96c86a0be867d5ced';

/** What people read, without colours. */
function readable(write: (log: ReturnType<ReturnType<typeof createLog>>) => void): string[] {
  const lines: string[] = [];
  write(createLog({ level: 'debug', tell: (text) => lines.push(stripVTControlCharacters(text)) })('host'));
  return lines;
}

test('createLog() for people puts what an event has behind its message', (t) => {
  const [line] = readable((log) => log.info({ function: 'demo/echo', version }, 'function live'));
  t.regex(line!, /^\[\d\d:\d\d:\d\d\] INFO: host: function live, function demo\/echo, version a01c6db8035d$/);
});

test('createLog() for people keeps what is usual in 80 columns, and all of a warning', (t) => {
  const fields = { one: 'x'.repeat(30), two: 'y'.repeat(30) };
  const [usual, warning] = readable((log) => {
    log.info(fields, 'as always');
    log.warn(fields, 'not as always');
  });
  t.true(usual!.length <= 80);
  t.true(usual!.endsWith(`, one ${fields.one}`));
  t.true(warning!.endsWith(`, two ${fields.two}`));
});

test('createLog() for people shows the stack of an error', (t) => {
  const [line] = readable((log) => log.error({ err: new Error('boom') }, 'it failed'));
  t.regex(line!, /host: it failed\n[\s\S]*Error: boom\n\s+at /);
});
