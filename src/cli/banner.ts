/** What a host says of itself once it is ready. */

export interface HostPlace {
  readonly host: string;
  /** The address that it listens on. */
  readonly listen: string;
  readonly httpPorts: readonly number[];
  /** Of its own NATS listener. */
  readonly natsPort?: number | undefined;
  /** Of the NATS system that it is part of; empty where there is none. */
  readonly natsUrl: string;
  /** The first token of every subject. */
  readonly prefix: string;
  /** Where the socket takes calls. */
  readonly socket?: string | undefined;
}

export interface DeployedFunctions {
  /** As `user/name`. */
  readonly live: readonly string[];
  readonly failed: readonly string[];
}

/**
 * @param tookMs from the start of the process
 * @param deployed nothing where the host was started without functions
 * @param unreadyWhy what the host needs and does not have; empty when it is ready
 */
export function toAnnouncement(
  place: HostPlace,
  tookMs: number,
  deployed?: DeployedFunctions,
  unreadyWhy = '',
): string {
  const [invoke, upload] = toHttpUrls(place);
  return [
    '',
    unreadyWhy === ''
      ? `Faasm host ${place.host} is ready, after ${(tookMs / 1000).toFixed(1)} s`
      : `Faasm host ${place.host} is up and not ready yet: ${unreadyWhy}`,
    `  invoke         ${invoke}`,
    `  upload, state  ${upload}`,
    `  NATS           ${toNatsUrl(place)}`,
    ...(place.socket === undefined ? [] : [`  socket         ${place.socket}`]),
    `  console        ${invoke}/`,
    ...(deployed === undefined ? [] : [...countsOf(deployed), '', ...examples(place, deployed.live)]),
    '',
    '',
  ].join('\n');
}

function countsOf({ live, failed }: DeployedFunctions): string[] {
  return [
    `  functions      ${live.length} live`,
    ...(failed.length === 0 ? [] : [`  failed         ${failed.join(', ')}`]),
  ];
}

/** Lines to try, of the functions that are live. */
function examples(place: HostPlace, live: readonly string[]): string[] {
  const [invoke, upload] = toHttpUrls(place).map((url) => url.replace('http://', ''));
  const server = toNatsUrl(place);
  const nats = server === 'nats://localhost:4222' ? 'nats' : `nats -s ${server}`;
  const other = live.find((name) => !name.startsWith('demo/')) ?? '';
  const lines: (readonly [needs: string, line: string])[] = [
    ['demo/hello', `curl -X POST ${invoke}/f/demo/hello`],
    ['demo/echo', `curl -d 'any bytes' ${invoke}/f/demo/echo`],
    ['demo/increment', `curl -X POST ${invoke}/f/demo/increment`],
    ...(other === '' ? [] : [[other, `curl -X POST ${invoke}/f/${other}`] as const]),
    ['', `curl -X PUT -d 'put by curl' ${upload}/s/demo/my_key`],
    ['', `curl ${upload}/s/demo/my_key`],
    ['demo/echo', `curl -d later ${invoke}/fa/demo/echo; echo`],
    ['demo/echo', `curl ${invoke}/calls/<id>      # the id that was said`],
    ['demo/echo', `${nats} req ${place.prefix}.invoke.demo.echo hello`],
    ['', 'npx faasm build my.cpp -o my.wasm'],
    ['', `curl -T my.wasm ${upload}/f/me/my_function`],
  ];
  return [
    'Try:',
    ...lines.filter(([needs]) => needs === '' || live.includes(needs)).map(([, line]) => `  ${line}`),
  ];
}

export function toPlaceJson(place: HostPlace): Record<string, unknown> {
  const { host, socket } = place;
  return { host, http: toHttpUrls(place), nats: toNatsUrl(place), ...(socket !== undefined && { socket }) };
}

/** To invoke at, then to upload at. */
export function toHttpUrls({ listen, httpPorts }: Pick<HostPlace, 'listen' | 'httpPorts'>): string[] {
  return httpPorts.map((port) => `http://${toAddress(listen)}:${port}`);
}

/** Without a password. */
export function toNatsUrl({
  listen,
  natsPort,
  natsUrl,
}: Pick<HostPlace, 'listen' | 'natsPort' | 'natsUrl'>): string {
  if (natsPort !== undefined) return `nats://${toAddress(listen)}:${natsPort}`;
  return natsUrl.replaceAll(/\/\/[^/@,]*@/g, '//');
}

/** As it is written in a URL on this machine. */
function toAddress(listen: string): string {
  if (['127.0.0.1', '::1', '0.0.0.0', '::', ''].includes(listen)) return 'localhost';
  return listen.includes(':') ? `[${listen}]` : listen;
}
