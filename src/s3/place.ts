import { FaasmError } from '../../proto/errors.ts';
import { quote } from '../../proto/names.ts';

/** @param place `s3://bucket/prefix` @returns a prefix that ends in a slash, or is empty @throws FaasmError `bad_request` */
export function toBucket(place: string): { readonly bucket: string; readonly prefix: string } {
  const [bucket = '', ...keys] = place.replace(/^s3:\/\//, '').split('/');
  if (!/^[a-z0-9][a-z0-9.-]{1,62}$/.test(bucket)) {
    throw new FaasmError('bad_request', `A place in S3 is s3://bucket/prefix, not ${quote(place)}`);
  }
  const prefix = keys.filter((each) => each !== '').join('/');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}
