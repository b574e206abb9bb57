/** Where something is kept, as people write it. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** In an S3-compatible store. */
export interface S3Place {
  readonly kind: 's3';
  readonly bucket: string;
  /** Ends in a slash, or is empty. */
  readonly prefix: string;
}

export type StorePlace =
  | { readonly kind: 'folder'; readonly path: string }
  | S3Place
  | { readonly kind: 'nats'; readonly bucket: string }
  | { readonly kind: 'sqlite' }
  | { readonly kind: 'redis' };

export type PlaceKind = StorePlace['kind'];

/** Where functions may be kept. */
export const functionPlaceKinds = ['folder', 's3', 'nats'] as const satisfies readonly PlaceKind[];
export type FunctionsPlace = Extract<StorePlace, { kind: (typeof functionPlaceKinds)[number] }>;

export const placeForms = {
  folder: 'a folder',
  s3: 's3://bucket/prefix',
  nats: 'nats://bucket',
  sqlite: 'sqlite',
  redis: 'redis',
} as const satisfies Record<PlaceKind, string>;

const readers: { readonly [Kind in PlaceKind]: (text: string) => StorePlace | undefined } = {
  folder: readFolder,
  s3: readS3,
  nats(text) {
    const [, bucket] = /^nats:\/\/([A-Za-z0-9_-]+)$/.exec(text) ?? [];
    return bucket === undefined ? undefined : { kind: 'nats', bucket };
  },
  sqlite: (text) => (text === 'sqlite' ? { kind: 'sqlite' } : undefined),
  redis: (text) => (text === 'redis' ? { kind: 'redis' } : undefined),
};

/** @returns nothing where the text is none of these kinds */
export function readPlace<Kind extends PlaceKind>(
  text: string,
  kinds: readonly Kind[],
): Extract<StorePlace, { kind: Kind }> | undefined {
  for (const kind of kinds) {
    const place = readers[kind](text);
    if (place !== undefined) return place as Extract<StorePlace, { kind: Kind }>;
  }
  return undefined;
}

export function showPlace(place: StorePlace): string {
  switch (place.kind) {
    case 'folder':
      return place.path;
    case 's3':
      return `s3://${place.bucket}/${place.prefix}`.replace(/\/$/, '');
    case 'nats':
      return `nats://${place.bucket}`;
    default:
      return place.kind;
  }
}

/** A path, or `file:///path`. */
function readFolder(text: string): StorePlace | undefined {
  if (text === '' || /^(?!file:)[a-z0-9]+:\/\//.test(text)) return undefined;
  if (!text.startsWith('file:')) return { kind: 'folder', path: resolve(text) };
  try {
    return { kind: 'folder', path: fileURLToPath(text) };
  } catch {
    return undefined;
  }
}

function readS3(text: string): S3Place | undefined {
  const [, bucket, keys = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/(.*))?$/s.exec(text) ?? [];
  if (bucket === undefined) return undefined;
  const prefix = keys.split('/').filter((name) => name !== '');
  return { kind: 's3', bucket, prefix: prefix.map((name) => `${name}/`).join('') };
}
