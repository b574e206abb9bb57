/** What the compilation of a module's functions may take, as far as it can be told from their code. */
import { FaasmError } from '../../proto/errors.ts';
import type { BodyShape } from './body-shape.ts';
import { compileMemoryMax, compileMemoryMin } from './compile-cost.ts';
import type { ModuleScan } from './scan.ts';

export interface CompileLimits {
  /** For the functions of a module. */
  readonly compileMaxBytes: number;
  /** Of computing. */
  readonly compileMaxMs: number;
}

/** Of PHP, Ruby, Python and clang no body may take more than 110 MiB. */
export const defaultCompileLimits: CompileLimits = { compileMaxBytes: 256 * 2 ** 20, compileMaxMs: 20_000 };

/** The engine copies so small a body into those that call it, again and again. */
const inlinedMaxLength = 500;
const inlinedMaxBytes = 2 ** 20;
/** 300 times as much as PHP's; each byte takes a nanosecond or more. */
const loopMaxBytes = 100_000_000;
/** The engine puts each on a stack when it merely reads the body, before any trial; a compiler passes a handful now and then. */
const passedMax = 200_000;
/** 2,900 times as much as clang's; the baseline compiler looks through them, and is not interrupted. */
const heldMax = 100_000_000;

/**
 * The bodies, by index, whose compilation may take more, and has to be tried.
 * @throws FaasmError `bad_module` for what no trial is needed for
 */
export function bodiesToTry(
  { code, functions }: ModuleScan,
  { compileMaxBytes }: Pick<CompileLimits, 'compileMaxBytes'>,
): number[] {
  const imported = functions.length - code.shapes.length;
  const tried: number[] = [];
  for (const [body, shape] of code.shapes.entries()) {
    if (compileMemoryMin(shape) > compileMaxBytes)
      throw refuse(
        `${describeBody(imported + body, shape)}: where its ways meet, each of its locals has a value for each way; split it`,
      );
    if (shape.loopBytes > loopMaxBytes)
      throw refuse(`${describeBody(imported + body, shape)}, in loops that nest too deep; split it`);
    if (shape.passed > passedMax)
      throw refuse(
        `${describeBody(imported + body, shape)}, which pass ${shape.passed} values at once; pass them in memory`,
      );
    if (shape.held > heldMax)
      throw refuse(
        `${describeBody(imported + body, shape)}, and too many values on its stack at its branches and calls; split it`,
      );
    const most = compileMemoryMax(shape);
    if (shape.byteLength <= inlinedMaxLength && most > inlinedMaxBytes)
      throw refuse(`${describeBody(imported + body, shape)}, which is more than so little code can use`);
    if (most > compileMaxBytes) tried.push(body);
  }
  return tried;
}

/** The bodies that are tried, the most costly first, in words. */
export function describeBodies({ code, functions }: ModuleScan, bodies: readonly number[]): string {
  const imported = functions.length - code.shapes.length;
  const largest = bodies
    .map((body) => ({ body, most: compileMemoryMax(code.shapes[body]!) }))
    .sort((one, other) => other.most - one.most);
  const shown = largest.slice(0, 3).map(({ body }) => describeBody(imported + body, code.shapes[body]!));
  return `Its largest: ${shown.join('; ')}`;
}

function describeBody(index: number, { byteLength, locals, ways }: BodyShape): string {
  return `function ${index} has ${locals} locals and ${ways} branches in ${byteLength} bytes`;
}

function refuse(why: string): FaasmError {
  return new FaasmError('bad_module', `The module is too much for the compiler: ${why}`);
}
