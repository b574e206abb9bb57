import { basename, extname } from 'node:path';
import { buildOptions, buildSources } from '../build-sources.ts';
import { defineCommand, jsonOption } from '../command.ts';
import { printJson } from '../output.ts';

export const build = defineCommand({
  usage: '<file> … [-o <out.wasm>] [-O <n>] [-D <name>] [-I <folder>] [-- <flags of the compiler>]',
  about: [
    'C and C++: .c .cc .cpp .cxx, objects (.o) and archives (.a), as many as there are. The program defines main(),',
    'or int faasm::exec(faasm::FaasmMemory* memory) of faasm/faasm.h. Headers beside a source are found.',
    'AssemblyScript: one .ts, which exports main(); what it imports is found. WebAssembly text: one .wat.',
  ].join('\n'),
  operands: [1, Number.POSITIVE_INFINITY],
  passesOn: true,
  options: {
    output: {
      type: 'text',
      short: 'o',
      value: 'out.wasm',
      about: 'the module; else named as the first source',
    },
    ...buildOptions,
    ...jsonOption,
  },
  async run({ operands, options, passedOn, world }) {
    const first = operands[0]!;
    const output = options.output ?? `${basename(first, extname(first))}.wasm`;
    const { wasm, warnings } = await buildSources(
      { paths: operands, options, extra: passedOn, output },
      world,
    );
    if (options.json) printJson(world.stdout, { output, sizeBytes: wasm.length, warnings });
    else world.stderr.write(`${output}: ${wasm.length} bytes\n`);
  },
});
