/**
 * The settings of a host. Each has one name: `FAASM_HTTP_PORT` in the environment, `--http-port` as a flag, and
 * `http_port` in a configuration file; the first of these that is given counts, and else the default.
 */
import type { ValueOf } from './kinds.ts';
import type { Setting } from './setting.ts';
import { callSettings } from './settings/calls.ts';
import { faasletSettings } from './settings/faaslets.ts';
import { fileSettings } from './settings/files.ts';
import { functionSettings } from './settings/functions.ts';
import { hostSettings } from './settings/host.ts';
import { natsSettings } from './settings/nats.ts';
import { stateSettings } from './settings/state.ts';
import { storeSettings } from './settings/stores.ts';
import { wayInSettings } from './settings/ways-in.ts';

/** As people look for them. */
export const settingGroups = {
  'The host': hostSettings,
  Calls: callSettings,
  Faaslets: faasletSettings,
  Functions: functionSettings,
  State: stateSettings,
  Files: fileSettings,
  'Redis, S3 and objects': storeSettings,
  'More ways in': wayInSettings,
  'NATS and clusters': natsSettings,
} as const;

const table = {
  ...hostSettings,
  ...callSettings,
  ...faasletSettings,
  ...functionSettings,
  ...stateSettings,
  ...fileSettings,
  ...storeSettings,
  ...wayInSettings,
  ...natsSettings,
};

export type SettingName = keyof typeof table;
export const settings: Readonly<Record<SettingName, Setting>> = table;
export const settingNames = Object.keys(table) as SettingName[];

/** Sizes are in bytes and durations in milliseconds, whatever unit a name ends in. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof table)[Name]['kind']> };

export const flagOf = (name: SettingName): string => keyOf(name).replaceAll('_', '-');

/** In a configuration file. */
export const keyOf = (name: SettingName): string => name.replace(/^FAASM_/, '').toLowerCase();
