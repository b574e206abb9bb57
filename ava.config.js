export default {
  files: ['test/**/*.test.ts', 'test/tidy.ts'],
  extensions: ['ts'],
  workerThreads: false,
  timeout: '2m',
  concurrency: 2,
};
