export default {
  files: ['test/**/*.test.ts', 'test/tidy.ts'],
  extensions: ['ts'],
  workerThreads: false,
  // For what never ends alone: on a machine with a load of 25 the slowest tests take minutes.
  timeout: '10m',
  concurrency: 2,
};
