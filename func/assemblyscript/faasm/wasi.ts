/** Of WASI preview 1, what the standard library of AssemblyScript needs. */

@external("wasi_snapshot_preview1", "fd_write")
export declare function fd_write(fd: i32, iovecs: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clock_time_get(clock: i32, precision: i64, time: usize): i32;
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(buffer: usize, size: i32): i32;
@external("wasi_snapshot_preview1", "proc_exit")
export declare function proc_exit(code: i32): void;
@external("wasi_snapshot_preview1", "args_sizes_get")
export declare function args_sizes_get(count: usize, size: usize): i32;
@external("wasi_snapshot_preview1", "args_get")
export declare function args_get(pointers: usize, buffer: usize): i32;
@external("wasi_snapshot_preview1", "environ_sizes_get")
export declare function environ_sizes_get(count: usize, size: usize): i32;
@external("wasi_snapshot_preview1", "environ_get")
export declare function environ_get(pointers: usize, buffer: usize): i32;

export const realtime = 0;
export const monotonic = 1;

/** In nanoseconds. */
export function clock(id: i32): i64 {
  const time = memory.data(8);
  clock_time_get(id, 0, time);
  return load<i64>(time);
}

/** A line of the call's log. */
export function writeLine(text: string): void {
  const bytes = String.UTF8.encode(text + "\n");
  const iovec = memory.data(12);
  let at = changetype<usize>(bytes);
  let left = bytes.byteLength;
  while (left > 0) {
    store<usize>(iovec, at);
    store<i32>(iovec, left, 4);
    if (fd_write(2, iovec, 1, iovec + 8) != 0) return;
    const written = load<i32>(iovec, 8);
    at += written;
    left -= written;
  }
}

/** Texts that each end in a NUL, as arguments and the environment are given. */
export function readTexts(
  sizes: (count: usize, size: usize) => i32,
  get: (pointers: usize, buffer: usize) => i32,
): string[] {
  const counts = memory.data(8);
  sizes(counts, counts + 4);
  const count = load<i32>(counts);
  const pointers = new ArrayBuffer(count * 4);
  const buffer = new ArrayBuffer(load<i32>(counts, 4));
  get(changetype<usize>(pointers), changetype<usize>(buffer));
  const texts = new Array<string>(count);
  for (let each = 0; each < count; each++) {
    const at = load<usize>(changetype<usize>(pointers) + each * 4);
    texts[each] = String.UTF8.decodeUnsafe(at, changetype<usize>(buffer) + buffer.byteLength - at, true);
  }
  return texts;
}
