import { FaasmError } from '../../../proto/errors.ts';
import { quote } from '../../../proto/names.ts';
import { copyFunction } from '../../functions/copy.ts';
import { openFunctionStore } from '../../functions/open-store.ts';
import { type FunctionsPlace, functionPlaceKinds, placeForms, readPlace } from '../../storage/place.ts';
import { defineCommand, UsageError } from '../command.ts';
import { hostOptions, toHostConfig } from '../host-config.ts';
import { toUserPath } from '../operands.ts';

const ofStores = Object.fromEntries(
  Object.entries(hostOptions).filter(
    ([name]) => /^(s3|nats)-|^(config|nats-url)$/.test(name) && name !== 'nats-port',
  ),
);

export const functionsCopy = defineCommand({
  usage: '--from <place> --to <place> [<user>]',
  about: [
    'A place is a folder, s3://bucket/prefix or nats://bucket. Modules, versions and settings are copied, of all users',
    'or of one; what is the same there is left as it is, so it can be run again. The exit status is 1 when something',
    'could not be copied.',
  ].join('\n'),
  operands: [0, 1],
  options: {
    from: { type: 'text', value: 'place', about: 'where the functions are' },
    to: { type: 'text', value: 'place', about: 'where they are to be' },
    ...ofStores,
  },
  async run({ operands: [user], options, world }) {
    const { from: fromText, to: toText, ...settings } = options as Record<string, string | undefined>;
    if (fromText === undefined || toText === undefined) throw new UsageError('It takes --from and --to');
    const [fromPlace, toPlace] = [toFunctionsPlace('from', fromText), toFunctionsPlace('to', toText)];
    const only = user === undefined ? undefined : toUserPath(user);
    const { s3, nats } = toHostConfig(settings, world).config;
    const powers = { s3, nats: nats && { ...nats, name: 'faasm functions copy' } };
    const from = await openFunctionStore(fromPlace, powers);
    const to = await openFunctionStore(toPlace, powers);
    try {
      let failed = 0;
      const listed = (await from.list()).filter(({ user }) => only === undefined || user === only);
      if (listed.length === 0) {
        const whose = only === undefined ? 'no functions' : `no functions of ${only}`;
        throw new FaasmError('not_found', `There are ${whose} at ${from.place}`);
      }
      for (const fn of listed) {
        const name = `${fn.user}/${fn.name}`;
        try {
          world.stdout.write(`${name}: ${await copyFunction(from, to, fn)}\n`);
        } catch (thrown) {
          failed++;
          world.stderr.write(`${name}: ${FaasmError.from(thrown).located}\n`);
        }
      }
      world.stderr.write(`${listed.length - failed} of ${listed.length} functions are at ${to.place}\n`);
      return failed === 0 ? 0 : 1;
    } finally {
      await from.close();
      await to.close();
    }
  },
});

function toFunctionsPlace(flag: string, text: string): FunctionsPlace {
  const place = readPlace(text, functionPlaceKinds);
  if (place !== undefined) return place;
  const forms = functionPlaceKinds.map((kind) => placeForms[kind]).join(' or ');
  throw new UsageError(`--${flag} is ${forms}, not ${quote(text)}`);
}
