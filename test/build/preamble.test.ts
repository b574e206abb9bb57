import test from 'ava';
import { preambleOf } from '../../src/build/preamble.ts';

const gives = test.macro((t, text: string, preamble: string | undefined) => t.is(preambleOf(text), preamble));

const stringOnly = '#include <string>\n';

test(
  'preambleOf() takes includes at the top',
  gives,
  '#include <string>\n#include <map>\nint x;',
  '#include <string>\n#include <map>\n',
);
test(
  'preambleOf() passes over comments and empty lines',
  gives,
  '// a\n/* b */\n\n/* c\n d */\r\n #  include <string> // e\r\nint x;',
  stringOnly,
);
test(
  'preambleOf() ends at other includes',
  gives,
  '#include <string>\n#include "x.h"\n#include <map>\n',
  stringOnly,
);
test('preambleOf() ends at a macro', gives, '#include <string>\n#define X\n#include <map>\n', stringOnly);
test(
  'preambleOf() ends at code behind a comment',
  gives,
  '#include <string>\n/* a */ int x;\n#include <map>\n',
  stringOnly,
);
test(
  'preambleOf() ends at code behind a long comment',
  gives,
  '#include <string>\n/* a\n */ int x;\n#include <map>\n',
  stringOnly,
);
test(
  "preambleOf() ends at a C header, which may be anybody's",
  gives,
  '#include <string>\n#include <stdio.h>\n#include <map>\n',
  stringOnly,
);
test(
  'preambleOf() takes light headers along',
  gives,
  '#include <cstdio>\n#include <string>\n',
  '#include <cstdio>\n#include <string>\n',
);
test(
  'preambleOf() gives nothing for light headers alone',
  gives,
  '#include <cstdio>\n#include <cstdint>\n',
  undefined,
);
test(
  'preambleOf() gives nothing for a source that begins otherwise',
  gives,
  'int x;\n#include <string>\n',
  undefined,
);
test('preambleOf() gives nothing for an empty source', gives, '', undefined);
