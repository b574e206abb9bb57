/** `dlopen` and its like: a program loads side modules while it runs. */
import { answers, type Capability } from '../port.ts';
import { DynamicLinker } from './dynamic-linker.ts';
import { SideModules } from './side-modules.ts';

export const link: Capability = {
  module: 'env',
  imports: [
    {
      dlopen: answers('ii:i'),
      dlsym: answers('ii:i'),
      dlclose: answers('i:i'),
      dlerror: answers(':i'),
    },
  ],
  loadsCode: true,
  open({ sideModules }) {
    const modules = new SideModules(sideModules);
    return (guest) => {
      const linker = new DynamicLinker(guest, modules, sideModules.maxBytes);
      return { functions: linker.functions, hasChanged: () => linker.hasChanged };
    };
  },
};
