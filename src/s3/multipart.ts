/** A large object, uploaded in parts: it is there once all of them are. */
import type { S3Client } from '@aws-sdk/client-s3';

export interface MultipartTarget {
  readonly client: S3Client;
  readonly commands: typeof import('@aws-sdk/client-s3');
  readonly at: { readonly Bucket: string; readonly Key: string };
  readonly conditions: { readonly IfMatch?: string; readonly IfNoneMatch?: string };
}

/** What fits into one part goes as a whole. @returns the etag */
export async function putParts(
  target: MultipartTarget,
  stream: AsyncIterable<Uint8Array>,
  partBytes: number,
): Promise<string> {
  const { client, commands, at, conditions } = target;
  let upload: { id: string; parts: { PartNumber: number; ETag: string }[] } | undefined;
  try {
    for await (const { bytes, isLast } of toParts(stream, partBytes)) {
      if (upload === undefined && isLast) {
        const Body = { Body: bytes, ContentLength: bytes.length };
        const { ETag = '' } = await client.send(
          new commands.PutObjectCommand({ ...at, ...Body, ...conditions }),
        );
        return ETag;
      }
      if (upload === undefined) {
        const { UploadId } = await client.send(new commands.CreateMultipartUploadCommand(at));
        upload = { id: UploadId!, parts: [] };
      }
      const PartNumber = upload.parts.length + 1;
      const part = { PartNumber, UploadId: upload.id, Body: bytes, ContentLength: bytes.length };
      const { ETag = '' } = await client.send(new commands.UploadPartCommand({ ...at, ...part }));
      upload.parts.push({ PartNumber, ETag });
    }
    const { id, parts } = upload!;
    const { ETag = '' } = await client.send(
      new commands.CompleteMultipartUploadCommand({
        ...at,
        ...conditions,
        UploadId: id,
        MultipartUpload: { Parts: parts },
      }),
    );
    return ETag;
  } catch (error) {
    // Otherwise its parts would be kept, and paid for.
    if (upload !== undefined) {
      await client
        .send(new commands.AbortMultipartUploadCommand({ ...at, UploadId: upload.id }))
        .catch(() => {});
    }
    throw error;
  }
}

/** Cuts a stream into parts; an empty one gives a part of no bytes. */
async function* toParts(
  stream: AsyncIterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly isLast: boolean }> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      if (length === partBytes) {
        yield { bytes: Buffer.concat(pieces), isLast: false };
        pieces = [];
        length = 0;
      }
      const taken = piece.subarray(at, at + partBytes - length);
      pieces.push(taken);
      length += taken.length;
      at += taken.length;
    }
  }
  yield { bytes: Buffer.concat(pieces), isLast: true };
}
