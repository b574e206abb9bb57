/** What the use cases of shared files are handed. */
import type { LRUCache } from 'lru-cache';
import type { ControlSubjects } from '../../proto/control-subjects.ts';
import type { FilePath } from '../../proto/file-path.ts';
import type { HostId, UserName } from '../../proto/names.ts';
import type { Gates } from '../bus/gates.ts';
import type { Bus } from '../bus/port.ts';
import type { Log } from '../log.ts';
import type { Powers, Timer } from '../power/port.ts';
import type { FileIndex, FileLimits } from './decide.ts';
import type { ContentDraft, FileStore } from './port.ts';

export interface FilesConfig {
  readonly host: HostId;
  readonly limits: FileLimits;
  /** Begun and not ended, for one user. */
  readonly uploadsPerUserMax: number;
  /** An upload without a new part for so long is forgotten. */
  readonly uploadIdleMs: number;
  /** How long a content is kept that no file has any more: longer than a call may take. */
  readonly retiredKeptMs: number;
}

/** From outside the actor. */
export interface FilesPorts {
  readonly powers: Pick<Powers, 'clock' | 'timers'>;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly control: ControlSubjects;
  readonly store: FileStore;
  readonly config: FilesConfig;
  readonly log: Log;
}

export interface FilesContext extends FilesPorts {
  readonly index: FileIndex;
  /** Files of a user as executors get them, kept for the next executor that asks. */
  readonly lists: LRUCache<UserName, Uint8Array>;
  /** Changes of a user's files, by the user; parts of an upload; what is done to a content. */
  readonly gates: Gates;
  /** By user and id. */
  readonly uploads: Map<string, Upload>;
  /** Of contents that no file has. */
  readonly retirements: Set<Timer>;
}

export interface Upload {
  readonly draft: ContentDraft;
  readonly user: UserName;
  readonly path: FilePath;
  sizeBytes: number;
  idle: Timer | undefined;
}
