/** The folder of this package, of its sources in the repository as of its JavaScript in dist/. */
import { findPackageJSON } from 'node:module';
import { dirname } from 'node:path';

export const packageRoot = dirname(findPackageJSON(import.meta.url)!);
