/** Conditional changes: does what is there meet what the change must find? */
import { FaasmError } from '../../../proto/errors.ts';
import { quote } from '../../../proto/names.ts';
import type { Condition } from '../../bus/resource-headers.ts';
import type { WriteCondition } from '../stores/port.ts';
import { showName } from './value-name.ts';

export const unconditional: WriteCondition = {};

/** Versions of values are numbers. @throws FaasmError `precondition_failed` for what no value can have */
export function toWriteCondition({ ifMatch, ifAbsent }: Condition, name: string): WriteCondition {
  const isVersion = ifMatch === undefined || ifMatch === '*' || /^\d{1,15}$/.test(ifMatch);
  if (!isVersion) throw failed(name, `its version is not ${quote(ifMatch)}; read it again`);
  return {
    ...(ifMatch !== undefined && { expectVersion: ifMatch === '*' ? 'any' : Number(ifMatch) }),
    ...(ifAbsent === true && { ifAbsent }),
  };
}

export function isConditional(condition: WriteCondition): boolean {
  return condition.ifAbsent === true || condition.expectVersion !== undefined;
}

/**
 * @param version of what is there; undefined: nothing is
 * @throws FaasmError `precondition_failed`
 */
export function checkCondition(version: number | undefined, condition: WriteCondition, name: string): void {
  const { expectVersion, ifAbsent } = condition;
  if (ifAbsent === true && version !== undefined) {
    throw failed(name, `there already is a value, of version ${version}`);
  }
  if (expectVersion === undefined) return;
  if (version === undefined) throw failed(name, 'there is no value');
  if (expectVersion !== 'any' && expectVersion !== version) {
    throw failed(name, `its version is ${version}, not ${expectVersion}; read it again`);
  }
}

export function lockLost(name: string): FaasmError {
  return new FaasmError(
    'lock_lost',
    `The lock on state ${showName(name)} was lost: its lease ended, and others may have had it since. ` +
      'Nothing that was not kept by then is written. Call again; where a host may stand still for longer, ' +
      'raise FAASM_STATE_LOCK_LEASE_MS',
    { details: { component: 'state' } },
  );
}

export function isLockLost(error: unknown): boolean {
  return error instanceof FaasmError && error.code === 'lock_lost';
}

function failed(name: string, why: string): FaasmError {
  return new FaasmError('precondition_failed', `Cannot change state ${showName(name)}: ${why}`, {
    details: { component: 'state' },
  });
}
