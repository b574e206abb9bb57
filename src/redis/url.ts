import { FaasmError } from '../../proto/errors.ts';

/** Host and port, which may be said aloud; the URL has a password in it. @throws FaasmError `bad_request` */
export function toRedisAddress(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const known = parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:';
  if (parsed === undefined || !known || parsed.hostname === '') {
    throw new FaasmError(
      'bad_request',
      'FAASM_REDIS_URL (--redis-url) is redis://user:password@host:port/database, or rediss: with TLS',
    );
  }
  return `${parsed.hostname}:${parsed.port === '' ? 6379 : parsed.port}`;
}
