/** Conditional requests of RFC 9110, section 13: entity tags and what they mean for a read and for a write. */
import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

/** No client has reason to hold more versions of one thing than this. */
const tagsMax = 32;

/** A quoted tag, weak or strong; a bare word is taken too, as people type it. */
const tagPattern = /^\s*(W\/)?(?:"([^"]*)"|([A-Za-z0-9_-]+))\s*$/;

export interface EntityTag {
  readonly version: string;
  readonly weak: boolean;
}

export function toEtag(version: string | number): string {
  return `"${version}"`;
}

/** The tags of an `If-Match`, `If-None-Match` or `If-Range` header; `*` stands for any. @throws FaasmError `bad_request` */
export function toEntityTags(text: string): '*' | readonly EntityTag[] {
  if (text.trim() === '*') return '*';
  const parts = text.split(',');
  const tags: EntityTag[] = [];
  for (const part of parts.slice(0, tagsMax)) {
    const match = tagPattern.exec(part);
    if (match === null) break;
    tags.push({ version: match[2] ?? match[3]!, weak: match[1] !== undefined });
  }
  if (tags.length === parts.length) return tags;
  throw new FaasmError(
    'bad_request',
    `Bad entity tag in ${quote(text)}: write * or up to ${tagsMax} quoted tags with commas between them, as in "7"`,
  );
}

export type ReadOutcome = 'proceed' | 'not_modified' | 'precondition_failed';

/** What the conditions of a read come to, given the version that there is now. @throws FaasmError `bad_request` */
export function judgeRead(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
  version: string,
): ReadOutcome {
  if (ifMatch !== undefined) {
    const tags = toEntityTags(ifMatch);
    if (tags !== '*' && !tags.some((tag) => !tag.weak && tag.version === version))
      return 'precondition_failed';
  }
  if (ifNoneMatch !== undefined) {
    const tags = toEntityTags(ifNoneMatch);
    if (tags === '*' || tags.some((tag) => tag.version === version)) return 'not_modified';
  }
  return 'proceed';
}

export interface WriteConditions {
  /** The versions of which the present one has to be one, or `*` for any. */
  readonly ifMatch?: '*' | readonly string[];
  /** Set where there must be no value yet. */
  readonly ifNoneMatch?: '*';
}

/** @throws FaasmError `bad_request` */
export function toWriteConditions(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): WriteConditions {
  if (ifNoneMatch !== undefined && toEntityTags(ifNoneMatch) !== '*') {
    throw new FaasmError('bad_request', 'A write takes If-None-Match: * only: write where nothing is yet');
  }
  return {
    ...(ifMatch !== undefined && { ifMatch: strongVersions(toEntityTags(ifMatch)) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch: '*' as const }),
  };
}

function strongVersions(tags: '*' | readonly EntityTag[]): '*' | readonly string[] {
  return tags === '*' ? '*' : tags.filter((tag) => !tag.weak).map((tag) => tag.version);
}
