/**
 * A strict S3 server in memory: it verifies the signature (AWS Signature Version 4) and every checksum that is sent,
 * honours If-Match, If-None-Match and Range, knows multipart uploads and pages of a list, and fails on demand.
 */
import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Keys of a bucket, in order. */
  keys(bucket: string): string[];
  /** Multipart uploads that were begun and neither completed nor aborted. */
  openUploads(): number;
  /** Answers so many further requests with this status. */
  failNext(count: number, status?: number): void;
  /** Answers each request so much later. */
  delay(ms: number): void;
  /** Breaks the connection off in the middle of the next answer with a body. */
  breakNext(): void;
  /** Takes no connections and drops those there are. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** How many requests were answered, of a method. */
  count(method: string): number;
  stop(): Promise<void>;
}

interface Stored {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modified: Date;
}

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly parts: Map<number, Stored>;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const pageKeys = 10;
const partMinBytes = 5 * 1024 * 1024;

export async function startS3Server(buckets: readonly string[] = ['test']): Promise<S3Server> {
  const accessKey = 'test-access';
  const secretKey = `secret-${randomUUID()}`;
  const store = new Map(buckets.map((name) => [name, new Map<string, Stored>()]));
  const uploads = new Map<string, Upload>();
  const counts = new Map<string, number>();
  let failures = 0;
  let failureStatus = 500;
  let delayMs = 0;
  let breaks = 0;

  const server = createServer((req, res) => {
    void answer(req, res).catch((error: unknown) => sendRefusal(res, error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readBody(req);
    counts.set(req.method!, (counts.get(req.method!) ?? 0) + 1);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (failures > 0) {
      failures--;
      throw new Refusal(failureStatus, failureStatus === 503 ? 'SlowDown' : 'InternalError');
    }
    const url = new URL(req.url!, `http://${req.headers.host}`);
    verifySignature(req, url, body, accessKey, secretKey);
    const content = verifyContent(req, body);
    const [bucketName = '', ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
    const objects = store.get(bucketName);
    if (objects === undefined) throw new Refusal(404, 'NoSuchBucket');
    const key = rest.join('/');
    const query = url.searchParams;
    if (key === '') return list(res, objects, query);
    if (query.has('uploads')) return begin(res, bucketName, key);
    const upload = query.get('uploadId');
    if (upload !== null) return onUpload(req, res, objects, upload, query, content);
    switch (req.method) {
      case 'PUT':
        checkConditions(req, objects.get(key));
        objects.set(key, toStored(content));
        res.writeHead(200, { ETag: objects.get(key)!.etag }).end();
        return;
      case 'GET':
      case 'HEAD':
        return get(req, res, objects.get(key));
      case 'DELETE':
        objects.delete(key);
        res.writeHead(204).end();
        return;
      default:
        throw new Refusal(405, 'MethodNotAllowed');
    }
  }

  function get(req: IncomingMessage, res: ServerResponse, found: Stored | undefined): void {
    if (found === undefined) throw new Refusal(404, 'NoSuchKey');
    const { bytes, etag, modified } = found;
    const headers = { ETag: etag, 'Last-Modified': modified.toUTCString(), 'Accept-Ranges': 'bytes' };
    const range = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
    const start = range === null ? 0 : Number(range[1]);
    const end = Math.min(bytes.length, range?.[2] ? Number(range[2]) + 1 : bytes.length);
    if (range !== null && start >= bytes.length) throw new Refusal(416, 'InvalidRange');
    const piece = bytes.subarray(start, end);
    const contentRange = range !== null && { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` };
    res.writeHead(range === null ? 200 : 206, {
      ...headers,
      ...contentRange,
      'Content-Length': piece.length,
    });
    if (req.method === 'HEAD') res.end();
    else if (breaks > 0) {
      breaks--;
      res.write(piece.subarray(0, Math.floor(piece.length / 2)), () => res.destroy());
    } else res.end(piece);
  }

  function list(res: ServerResponse, objects: ReadonlyMap<string, Stored>, query: URLSearchParams): void {
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const prefix = query.get('prefix') ?? '';
    const max = Math.min(pageKeys, Number(query.get('max-keys') ?? pageKeys));
    const all = [...objects]
      .filter(([key]) => key.startsWith(prefix) && key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const page = all.slice(0, max);
    const contents = page.map(
      ([key, { bytes, etag, modified }]) =>
        `<Contents><Key>${escapeXml(key)}</Key><Size>${bytes.length}</Size><ETag>${escapeXml(etag)}</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`,
    );
    const more = all.length > page.length;
    const token = more ? `<NextContinuationToken>${escapeXml(page.at(-1)![0])}</NextContinuationToken>` : '';
    sendXml(
      res,
      `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${more}</IsTruncated>${token}${contents.join('')}</ListBucketResult>`,
    );
  }

  function begin(res: ServerResponse, bucket: string, key: string): void {
    const id = randomUUID();
    uploads.set(id, { bucket, key, parts: new Map() });
    sendXml(
      res,
      `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    );
  }

  function onUpload(
    req: IncomingMessage,
    res: ServerResponse,
    objects: Map<string, Stored>,
    id: string,
    query: URLSearchParams,
    content: Buffer,
  ): void {
    const upload = uploads.get(id);
    if (upload === undefined) throw new Refusal(404, 'NoSuchUpload');
    if (req.method === 'DELETE') {
      uploads.delete(id);
      res.writeHead(204).end();
      return;
    }
    if (req.method === 'PUT') {
      const part = toStored(content);
      upload.parts.set(Number(query.get('partNumber')), part);
      res.writeHead(200, { ETag: part.etag }).end();
      return;
    }
    checkConditions(req, objects.get(upload.key));
    const named = [...content.toString().matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll('&quot;', '"'),
    }));
    const parts = named.map(({ number, etag }, at) => {
      const part = upload.parts.get(number);
      if (part === undefined || part.etag !== etag) throw new Refusal(400, 'InvalidPart');
      if (at < named.length - 1 && part.bytes.length < partMinBytes) throw new Refusal(400, 'EntityTooSmall');
      return part.bytes;
    });
    if (parts.length === 0) throw new Refusal(400, 'MalformedXML');
    uploads.delete(id);
    const stored = toStored(Buffer.concat(parts));
    objects.set(upload.key, stored);
    sendXml(
      res,
      `<CompleteMultipartUploadResult><ETag>${escapeXml(stored.etag)}</ETag></CompleteMultipartUploadResult>`,
    );
  }

  const listen = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    keys: (bucket) => [...store.get(bucket)!.keys()].sort(),
    openUploads: () => uploads.size,
    failNext(count, status = 500) {
      failures = count;
      failureStatus = status;
    },
    delay(ms) {
      delayMs = ms;
    },
    breakNext() {
      breaks++;
    },
    pause: close,
    resume: listen,
    count: (method) => counts.get(method) ?? 0,
    stop: close,
    [Symbol.asyncDispose]: close,
  };
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of req) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function toStored(bytes: Buffer): Stored {
  return { bytes, etag: `"${createHash('md5').update(bytes).digest('hex')}"`, modified: new Date() };
}

function checkConditions(req: IncomingMessage, found: Stored | undefined): void {
  const match = req.headers['if-match'];
  if (req.headers['if-none-match'] === '*' && found !== undefined)
    throw new Refusal(412, 'PreconditionFailed');
  if (match === undefined) return;
  if (found === undefined) throw new Refusal(404, 'NoSuchKey');
  if (found.etag !== match) throw new Refusal(412, 'PreconditionFailed');
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

function verifySignature(
  req: IncomingMessage,
  url: URL,
  body: Buffer,
  accessKey: string,
  secretKey: string,
): void {
  const authorization = req.headers.authorization ?? '';
  const [, id, date, region, service, signed, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  if (id === undefined) throw new Refusal(403, 'AccessDenied', 'no signature of version 4');
  if (id !== accessKey) throw new Refusal(403, 'InvalidAccessKeyId');
  const names = signed!.split(';');
  if (!names.includes('host') || !names.includes('x-amz-content-sha256'))
    throw new Refusal(403, 'AccessDenied');
  const encode = (text: string): string =>
    encodeURIComponent(text).replaceAll(
      /[!'()*]/g,
      (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const path = url.pathname
    .split('/')
    .map((each) => encode(decodeURIComponent(each)))
    .join('/');
  const payload = String(req.headers['x-amz-content-sha256']);
  if (/^[0-9a-f]{64}$/.test(payload) && payload !== sha256(body))
    throw new Refusal(400, 'XAmzContentSHA256Mismatch');
  const canonical = [
    req.method,
    path,
    query.join('&'),
    ...names.map((name) => `${name}:${String(req.headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    signed,
    payload,
  ].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = ['aws4_request'].reduce(
    hmac,
    [region!, service!].reduce(hmac, hmac(`AWS4${secretKey}`, date!)),
  );
  const expected = hmac(key, text);
  if (!timingSafeEqual(expected, Buffer.from(signature!, 'hex')))
    throw new Refusal(403, 'SignatureDoesNotMatch');
}

/** The body without the framing of `aws-chunked`, held against every checksum that came with it. */
function verifyContent(req: IncomingMessage, body: Buffer): Buffer {
  const headers = { ...req.headers };
  let content = body;
  if (String(headers['x-amz-content-sha256']).startsWith('STREAMING-')) {
    const { bytes, trailers } = unchunk(body);
    content = bytes;
    Object.assign(headers, trailers);
    if (Number(headers['x-amz-decoded-content-length']) !== bytes.length)
      throw new Refusal(400, 'IncompleteBody');
  } else if (headers['content-encoding']?.includes('aws-chunked')) throw new Refusal(400, 'InvalidRequest');
  for (const algorithm of ['sha256', 'sha1'] as const) {
    const sent = headers[`x-amz-checksum-${algorithm}`];
    if (sent !== undefined && sent !== createHash(algorithm).update(content).digest('base64')) {
      throw new Refusal(400, 'BadDigest');
    }
  }
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(content).digest('base64')) {
    throw new Refusal(400, 'BadDigest');
  }
  return content;
}

function unchunk(body: Buffer): { bytes: Buffer; trailers: Record<string, string> } {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.subarray(at, lineEnd).toString(), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new Refusal(400, 'IncompleteBody');
    at = lineEnd + 2;
    if (size === 0) break;
    pieces.push(body.subarray(at, at + size));
    at += size + 2;
  }
  const trailers = body
    .subarray(at)
    .toString()
    .split('\r\n')
    .filter((line) => line.includes(':'));
  return {
    bytes: Buffer.concat(pieces),
    trailers: Object.fromEntries(
      trailers.map((line) => line.split(':').map((part) => part.trim()) as [string, string]),
    ),
  };
}

function sendXml(res: ServerResponse, xml: string): void {
  res
    .writeHead(200, { 'Content-Type': 'application/xml' })
    .end(`<?xml version="1.0" encoding="UTF-8"?>${xml}`);
}

function sendRefusal(res: ServerResponse, error: unknown): void {
  const { status, code, message } =
    error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error));
  if (res.headersSent) res.destroy();
  else {
    res
      .writeHead(status, { 'Content-Type': 'application/xml' })
      .end(
        `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`,
      );
  }
}

function escapeXml(text: string): string {
  return text.replaceAll(/[<>&"]/g, (one) => `&#${one.charCodeAt(0)};`);
}
