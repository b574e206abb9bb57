/** What settings need of one another. */
import type { SettingName, Settings } from './settings.ts';

interface Need {
  /** It is not looked at where one of these is wrong by itself. */
  readonly of: readonly SettingName[];
  isUnmet(settings: Settings): boolean;
  readonly says: string;
}

const needs: readonly Need[] = [
  {
    of: ['FAASM_STATE', 'FAASM_REDIS_URL'],
    isUnmet: ({ FAASM_STATE, FAASM_REDIS_URL }) =>
      FAASM_STATE.kind === 'redis' && FAASM_REDIS_URL === undefined,
    says: 'FAASM_STATE is redis, which needs FAASM_REDIS_URL',
  },
  {
    of: ['FAASM_RECEIVE', 'FAASM_REDIS_URL'],
    isUnmet: ({ FAASM_RECEIVE, FAASM_REDIS_URL }) =>
      FAASM_RECEIVE.includes('redis') && FAASM_REDIS_URL === undefined,
    says: 'FAASM_RECEIVE has redis, which needs FAASM_REDIS_URL',
  },
  {
    of: ['FAASM_FUNCTIONS', 'NATS_URL'],
    isUnmet: ({ FAASM_FUNCTIONS, NATS_URL }) => FAASM_FUNCTIONS?.kind === 'nats' && NATS_URL.length === 0,
    says: 'FAASM_FUNCTIONS is in an object store of NATS, which needs NATS_URL',
  },
];

/** A sentence for each. */
export function unmetNeeds(settings: Settings, wrong: ReadonlySet<SettingName>): string[] {
  return needs
    .filter(({ of, isUnmet }) => !of.some((name) => wrong.has(name)) && isUnmet(settings))
    .map(({ says }) => says);
}
