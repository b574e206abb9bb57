import { toGrants } from '../../calls/grants.ts';
import { optional, parsed, text } from '../kinds.ts';
import { place, url } from '../places.ts';
import { defineSettings } from '../setting.ts';

export const storeSettings = defineSettings({
  FAASM_REDIS_URL: {
    kind: optional(
      url({ schemes: ['redis', 'rediss'], form: 'redis://user:password@host:6379/0, rediss: with TLS' }),
    ),
    default: '',
    secret: true,
    about: 'Redis server, for what is set to use Redis',
  },
  FAASM_S3_ENDPOINT: {
    kind: optional(url({ schemes: ['http', 'https'], form: 'http://host:9000' })),
    default: '',
    about: 'S3-compatible server; AWS where empty',
  },
  FAASM_S3_REGION: {
    kind: text('a region', 'region'),
    default: 'us-east-1',
    reason: 'what servers that have no regions are asked for',
    about: 'region of the S3 server',
  },
  FAASM_S3_ACCESS_KEY: {
    kind: optional(text()),
    default: '',
    about: 'access key for S3; where empty, what the AWS SDK finds, as in AWS_ACCESS_KEY_ID',
  },
  FAASM_S3_SECRET_KEY: { kind: optional(text()), default: '', secret: true, about: 'secret key for S3' },
  FAASM_OBJECTS: {
    kind: optional(place('s3')),
    default: '',
    about: 'below which each user has objects of its own that its functions read and write',
  },
  FAASM_GRANTS: {
    kind: parsed({
      operand: 'json',
      wanted: 'JSON such as {"demo": ["s3://bucket/prefix/", "redis:prefix"]}',
      explains: true,
      read: toGrants,
      show: (grants) => JSON.stringify(Object.fromEntries(grants)),
    }),
    default: '',
    secret: true,
    about: 'where input and output of calls may be, for each user',
  },
});
