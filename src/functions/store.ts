/**
 * Functions in a place for named bytes:
 *
 *   modules/<sha256>.wasm                                     as it was uploaded
 *   users/<user>/<function>.json                              its FunctionDescription
 *   protos/<user>/<function>/<sha256>-<fingerprint>.proto     its Proto-Faaslet, as in proto-file.ts
 */
import { FaasmError } from '../../proto/errors.ts';
import type { FunctionDescription } from '../../proto/messages.ts';
import { type FunctionName, toFunctionName, toUserName, type UserName } from '../../proto/names.ts';
import type { BlobStore } from '../storage/blobs.ts';
import { damaged } from '../storage/checksum.ts';
import { openSealedJson, sealJson } from '../storage/sealed-json.ts';
import { toDescription } from './messages.ts';
import type { FunctionStore, ListedFunction, ListedModule, ProtoName } from './port.ts';
import { sha256 } from './sha256.ts';

const modulePattern = /^modules\/([0-9a-f]{64})\.wasm$/;
const descriptionPattern = /^users\/([^/]+)\/([^/]+)\.json$/;

const moduleName = (module: string): string => `modules/${module}.wasm`;
const descriptionName = (user: UserName, name: FunctionName): string => `users/${user}/${name}.json`;
const protosPrefix = (user: UserName, name: FunctionName): string => `protos/${user}/${name}/`;
const protoName = ({ user, name, version, fingerprint }: ProtoName): string =>
  `${protosPrefix(user, name)}${version}-${fingerprint}.proto`;

export function createFunctionStore(blobs: BlobStore): FunctionStore {
  async function removeWhere(prefix: string, isUnwanted: (name: string) => boolean): Promise<void> {
    for (const { name } of await blobs.list(prefix)) if (isUnwanted(name)) await blobs.delete(name);
  }

  return {
    place: blobs.place,

    async list() {
      const found = await blobs.list('users/');
      return found.flatMap(({ name, tag }): ListedFunction[] => {
        const [, user, fn] = descriptionPattern.exec(name) ?? [];
        return user === undefined ? [] : [{ user: toUserName(user), name: toFunctionName(fn!), tag }];
      });
    },

    async read(user, name) {
      const found = await blobs.get(descriptionName(user, name));
      return found && { description: parse(user, name, found.bytes), tag: found.tag };
    },

    write(description, expected) {
      const bytes = Buffer.from(sealJson(description, 2));
      return blobs.put(descriptionName(description.user, description.name), bytes, expected);
    },

    remove: (user, name) => blobs.delete(descriptionName(user, name)),

    async listModules() {
      const found = await blobs.list('modules/');
      return found.flatMap(({ name, modifiedMs }): ListedModule[] => {
        const [, module] = modulePattern.exec(name) ?? [];
        return module === undefined ? [] : [{ module, modifiedMs }];
      });
    },

    async readModule(module) {
      const found = await blobs.get(moduleName(module));
      if (found === undefined) {
        throw new FaasmError('not_found', `There is no module ${module} any more; upload it again`, {
          place: blobs.place,
        });
      }
      if (sha256(found.bytes) === module) return found.bytes;
      throw damaged(`Module ${module}`, 'upload it again', { component: 'functions' });
    },

    async writeModule(module, bytes) {
      await blobs.put(moduleName(module), bytes);
    },

    removeModule: (module) => blobs.delete(moduleName(module)),

    async readProto(proto) {
      return (await blobs.get(protoName(proto)))?.bytes;
    },

    async writeProto(proto, bytes) {
      const own = protoName(proto);
      const version = `${protosPrefix(proto.user, proto.name)}${proto.version}-`;
      await blobs.put(own, bytes);
      await removeWhere(version, (name) => name !== own);
    },

    async keepProtos(user, name, versions) {
      const prefix = protosPrefix(user, name);
      await removeWhere(
        prefix,
        (found) => !versions.some((version) => found.startsWith(`${prefix}${version}-`)),
      );
    },

    close: () => blobs.close(),
  };
}

function parse(user: UserName, name: FunctionName, bytes: Uint8Array): FunctionDescription {
  try {
    return toDescription(openSealedJson(Buffer.from(bytes).toString('utf8')));
  } catch {
    throw damaged(`The description of function ${user}/${name}`, `upload ${user}/${name} again`, {
      component: 'functions',
    });
  }
}
