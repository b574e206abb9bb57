/**
 * Functions that a module of Faasm's toolchains may import and should not call: other processes, threads, a network,
 * long jumps, messages in other languages. A call of one ends the call of the function, in its name, as in the original.
 */
import { GuestFault } from '../guest-fault.ts';
import type { ImportFunctions, ImportTable } from '../port.ts';
import { type NamesByType, toTable } from './names.ts';

const names: NamesByType = {
  ':i': '__h_errno_location fork tmpfile',
  'i:': 'pthread_exit',
  'i:i': `__cxa_begin_catch chdir fchdir gethostbyname getprotobyname getpwnam getpwuid gettext inet_addr inet_ntoa
    mkdtemp pclose pipe pthread_detach raise setjmp system textdomain ttyname wait`,
  'ii:': 'longjmp',
  'ii:i': `bindtextdomain dgettext execv gethostname getpriority getrusage getservbyname getservbyport kill listen
    memfd_create popen pthread_cond_wait pthread_equal pthread_join pthread_once realpath tempnam utime`,
  'iii:i': `accept bind connect dcgettext execve gethostbyaddr getresgid getresuid getsockname posix_memalign
    pthread_cond_timedwait setpriority shm_open socket waitpid`,
  'iiI:i': 'lockf',
  'iiii:i': 'forkpty pthread_create sendfile',
  'iiiii:i': 'getsockopt openpty setsockopt',
  'iiiiii:i': 'recvfrom sendto',
};

export const absentTable: ImportTable = toTable(names);

export const absentFunctions: ImportFunctions = Object.fromEntries(
  Object.keys(absentTable).map((name) => [
    name,
    () => {
      throw new GuestFault(`${name} is not provided to functions`);
    },
  ]),
);
