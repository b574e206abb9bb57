import { toNatsOptions } from '../bus/nats-settings.ts';
import type { Config } from '../config.ts';
import type { FunctionStorePowers } from './open-store.ts';

/** What a host, or a command, is told of the places for functions. @param name of its connections */
export function toFunctionStorePowers(config: Config, name: string): FunctionStorePowers {
  return {
    s3: {
      endpoint: config.FAASM_S3_ENDPOINT,
      region: config.FAASM_S3_REGION,
      accessKey: config.FAASM_S3_ACCESS_KEY,
      secretKey: config.FAASM_S3_SECRET_KEY,
    },
    nats: config.NATS_URL === '' ? undefined : toNatsOptions(config, name),
  };
}
