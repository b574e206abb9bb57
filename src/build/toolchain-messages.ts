/** What a build says to the toolchain's process, and what it hears from it. */
import type { ErrorCode } from '../../proto/errors.ts';
import type { GuestKit } from './guest-kit.ts';
import type { BuildFlags, BuildStage, SourceFile } from './options.ts';

export interface BuildRequest {
  readonly sources: readonly SourceFile[];
  readonly flags: BuildFlags;
  readonly kit: GuestKit;
  /** Where objects of C and C++ are kept; without one, none are. */
  readonly objectsFolder?: string | undefined;
}

export type ToolchainAnswer =
  /** A stage begins. */
  | { readonly kind: 'progress'; readonly stage: BuildStage; readonly detail: string }
  | { readonly kind: 'built'; readonly wasm: Uint8Array<ArrayBuffer>; readonly warnings: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
