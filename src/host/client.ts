/** Asks a host from inside its process, over its bus. */
import type { CallId, UserName } from '../../proto/names.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { expectAnswer } from '../bus/error-headers.ts';
import { type Bus, emptyBody, readBody } from '../bus/port.ts';
import { toSettingsHeaders } from '../bus/settings-headers.ts';
import { invoke } from '../calls/invoke.ts';
import { functionDescriptionCodec } from '../functions/messages.ts';
import type { HostClient } from './port.ts';

export interface HostClientOptions {
  readonly bus: Bus;
  readonly subjects: PublicSubjects;
  readonly callTimeoutMs: number;
  newCallId(user: UserName): CallId;
}

/** A module takes so long at the most from upload to live. */
const uploadTimeoutMs = 120_000;

export function createHostClient({ bus, subjects, callTimeoutMs, newCallId }: HostClientOptions): HostClient {
  return {
    async upload(user, name, module, settings = {}) {
      const headers = toSettingsHeaders(settings);
      const subject = subjects.functions('upload', user, name);
      const answer = await bus.request(subject, module, { headers, timeoutMs: uploadTimeoutMs });
      return readBody(expectAnswer(answer), functionDescriptionCodec);
    },

    async describe(user, name) {
      const answer = await bus.request(subjects.functions('describe', user, name), emptyBody);
      return readBody(expectAnswer(answer), functionDescriptionCodec);
    },

    invoke(user, name, input, options = {}) {
      const call = { id: newCallId(user), user, function: name, input, callTimeoutMs };
      return invoke(bus, subjects, call, options);
    },
  };
}
