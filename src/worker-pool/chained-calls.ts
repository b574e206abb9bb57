/**
 * The calls that calls make: checked against the rules of chaining, sent to the scheduler, counted until they end.
 *
 * A tree of calls has a bound, and so has what is under way of it: a call is sent when its user has few enough that
 * run, and only so many in one turn of the event loop; the others wait for their turns. Who waits for calls that it
 * chained does not count as running, so a tree can always go on.
 *
 * Every host counts what it chains of a tree. A call is told the count, and a host goes on from the highest that it
 * was told: so a tree that goes from host to host is counted on.
 */
import type { Call, CallEnd, CallError, ChainedCall } from '../../proto/call.ts';
import { FaasmError } from '../../proto/errors.ts';
import type { CallId, UserName } from '../../proto/names.ts';
import { privateSubjects } from '../../proto/private-subjects.ts';
import type { PublicSubjects } from '../../proto/public-subjects.ts';
import { type Bus, emptyBody } from '../bus/port.ts';
import { askInside } from '../bus/private.ts';
import type { Catalog } from '../functions/catalog.ts';
import type { Timers } from '../power/port.ts';
import { admitTopic } from '../scheduler/messages.ts';
import { ChainTurns, type Waiting } from './chain-turns.ts';

export interface ChainLimits {
  /** A call that nobody chained has depth 0. */
  readonly depthMax: number;
  /** Chained calls of one tree, from its root to its end; 0 for any number. */
  readonly treeCallsMax: number;
  /** Chained calls of one user that run at once, those that wait for chained calls not counted. */
  readonly runningPerUserMax: number;
}

/** A call that may chain others. */
export interface Chaining {
  readonly call: Call;
  /** From its first chained call on. */
  tree?: Tree | undefined;
}

export interface Tree {
  readonly user: UserName;
  readonly root: CallId;
  /** Chained calls of it, ever. */
  made: number;
  /** Those of them that have not ended. */
  open: number;
}

export interface ChainedCallsOptions {
  readonly timers: Timers;
  readonly bus: Bus;
  readonly privateBus: Bus;
  readonly subjects: PublicSubjects;
  readonly catalog: Catalog;
  readonly limits: ChainLimits;
  newCallId(user: UserName): CallId;
  /** Counts memory that is held for a user, until what it gives is called. */
  hold(user: UserName, bytes: number): () => void;
  /** The last chained call has ended. */
  onIdle(): void;
}

interface Child extends Waiting {
  readonly id: CallId;
  readonly parentCall: Call;
  readonly call: ChainedCall;
  readonly awaited: boolean;
  readonly tree: Tree;
  /** Whether it counts as running. */
  runs: boolean;
  settle(result: CallEnd): void;
  /** Its input is not counted as held any more. */
  release(): void;
}

/** Each takes some tens of microseconds, so a turn of the event loop is over within a few milliseconds. */
const sentPerTurnMax = 64;

const failed: CallEnd = { returnValue: 1, output: emptyBody };

export class ChainedCalls {
  readonly #options: ChainedCallsOptions;
  readonly #turns = new ChainTurns<Child>();
  readonly #trees = new Map<CallId, Tree>();
  /** Calls that were sent and have not ended. */
  readonly #sent = new Map<CallId, Child>();
  readonly #sentBy = new Map<CallId, Set<Child>>();
  readonly #running = new Map<UserName, number>();
  #pending = 0;
  #sentThisTurn = 0;

  constructor(options: ChainedCallsOptions) {
    this.#options = options;
  }

  /** Chained calls that have not ended. */
  get pending(): number {
    return this.#pending;
  }

  /** Why none of these calls can be made, if one of them cannot. @param depth of the call that chains them */
  refusal(parent: Chaining, depth: number, calls: readonly ChainedCall[]): CallError | undefined {
    const { catalog, limits } = this.#options;
    const { user, function: own } = parent.call;
    const name = `${user}/${own}`;
    if (depth >= limits.depthMax) {
      return refusal(`${name} is chained ${depth} deep, which is the most; raise FAASM_CHAIN_DEPTH_MAX`);
    }
    const unknown = calls.find((call) => catalog.version(user, call.function) === undefined);
    if (unknown === undefined) return this.#treeRefusal(parent, calls.length);
    const dropped = calls.length === 1 ? '' : `; none of its ${calls.length} chained calls was made`;
    return refusal(`${name} chained ${user}/${unknown.function}, and there is no such function${dropped}`);
  }

  /**
   * Makes calls, each in its turn, and tells the result of each, where a failure is a nonzero return value.
   * A call that its parent waits for has no more time than its parent.
   */
  make(
    parent: Chaining,
    depth: number,
    calls: readonly ChainedCall[],
    onResult?: (call: ChainedCall, result: CallEnd) => void,
  ): void {
    const tree = this.#treeOf(parent);
    tree.made += calls.length;
    tree.open += calls.length;
    this.#trees.set(tree.root, tree);
    this.#pending += calls.length;
    const { user, id } = parent.call;
    const parentCall: Call = { ...parent.call, depth, treeCalls: tree.made };
    this.#turns.add(
      calls.map((call) => ({
        id: this.#options.newCallId(user),
        user,
        root: tree.root,
        parent: id,
        parentCall,
        call,
        awaited: onResult !== undefined,
        tree,
        runs: false,
        settle: (result) => onResult?.(call, result),
        // One that is waited for is counted where its caller is.
        release: onResult === undefined ? this.#options.hold(user, call.input.length) : () => {},
      })),
    );
    this.#sendSome();
  }

  /** Counts a call that an executor chained and ran by itself. @returns why the tree may not go on, if it may not */
  ranBeside(parent: Chaining): CallError | undefined {
    this.#treeOf(parent).made++;
    return this.#treeRefusal(parent, 0);
  }

  /** The call waits for calls that it chained, and computes nothing meanwhile. */
  waits(id: CallId): void {
    const child = this.#sent.get(id);
    if (child !== undefined) this.#stopsRunning(child);
  }

  /** The call did not come to its end: nobody waits for what it chained, and a tree ends with its root. */
  abandoned({ id, user, rootId }: Call): void {
    if (id === rootId) {
      this.cancelTree(id);
      return;
    }
    for (const child of this.#turns.drop(user, rootId, id)) this.#ended(child, failed);
    for (const child of this.#sentBy.get(id) ?? []) this.#cancel(child);
  }

  /** Drops what is left of a tree, whether its root has ended or not. @param root of a tree, or any other call */
  cancelTree(root: CallId): void {
    const tree = this.#trees.get(root);
    if (tree === undefined) return;
    for (const child of this.#turns.drop(tree.user, root)) this.#ended(child, failed);
    for (const child of this.#sent.values()) if (child.tree === tree) this.#cancel(child);
  }

  #treeOf(parent: Chaining): Tree {
    const { user, rootId, treeCalls = 0 } = parent.call;
    parent.tree ??= this.#trees.get(rootId) ?? { user, root: rootId, made: 0, open: 0 };
    parent.tree.made = Math.max(parent.tree.made, treeCalls);
    return parent.tree;
  }

  #treeRefusal(parent: Chaining, more: number): CallError | undefined {
    const { treeCallsMax } = this.#options.limits;
    const { made } = this.#treeOf(parent);
    if (treeCallsMax === 0 || made + more <= treeCallsMax) return undefined;
    const { user, function: own } = parent.call;
    return refusal(
      `${user}/${own} cannot chain ${more} more: the tree of calls it is in has ${made}, and may have ${treeCallsMax}; raise FAASM_CALL_TREE_MAX`,
    );
  }

  #sendSome(): void {
    while (this.#sentThisTurn < sentPerTurnMax) {
      const child = this.#turns.take(this.#mayRunMore);
      if (child === undefined) return;
      if (this.#sentThisTurn++ === 0) this.#options.timers.soon(this.#onTurn);
      void this.#send(child);
    }
  }

  readonly #mayRunMore = (user: UserName): boolean =>
    (this.#running.get(user) ?? 0) < this.#options.limits.runningPerUserMax;

  readonly #onTurn = (): void => {
    this.#sentThisTurn = 0;
    this.#sendSome();
  };

  async #send(child: Child): Promise<void> {
    const { id, user, parent } = child;
    this.#sent.set(id, child);
    const siblings = this.#sentBy.get(parent);
    if (siblings === undefined) this.#sentBy.set(parent, new Set([child]));
    else siblings.add(child);
    this.#running.set(user, (this.#running.get(user) ?? 0) + 1);
    child.runs = true;
    let result: CallEnd;
    try {
      const admission = { call: toCall(child), places: undefined };
      const { privateBus } = this.#options;
      const ended = await askInside(privateBus, privateSubjects.admit(), admitTopic, admission);
      result = { returnValue: ended.returnValue, output: ended.output };
    } catch (thrown) {
      const { details, output = emptyBody } = FaasmError.from(thrown);
      result = { returnValue: details.returnValue ?? 1, output };
    }
    this.#sent.delete(id);
    const left = this.#sentBy.get(parent)!;
    left.delete(child);
    if (left.size === 0) this.#sentBy.delete(parent);
    this.#stopsRunning(child);
    this.#ended(child, result);
    this.#sendSome();
  }

  #stopsRunning(child: Child): void {
    if (!child.runs) return;
    child.runs = false;
    const running = this.#running.get(child.user)! - 1;
    if (running === 0) this.#running.delete(child.user);
    else this.#running.set(child.user, running);
  }

  #ended(child: Child, result: CallEnd): void {
    const { tree } = child;
    if (--tree.open === 0) this.#trees.delete(tree.root);
    this.#pending--;
    child.release();
    child.settle(result);
    if (this.#pending === 0) this.#options.onIdle();
  }

  #cancel({ user, id }: Child): void {
    const { bus, subjects } = this.#options;
    bus.tell(subjects.cancel(user, id), emptyBody);
  }
}

/** One that is waited for ends when its parent does, at the latest; any other has the time of a call. */
function toCall({ id, parentCall: parent, call: { function: name, input, pointer }, awaited }: Child): Call {
  const { user, rootId, depth, treeCalls, traceparent, deadlineMs } = parent;
  return {
    id,
    user,
    function: name,
    input,
    parentId: parent.id,
    rootId,
    depth: depth + 1,
    deadlineMs: awaited ? deadlineMs : Number.POSITIVE_INFINITY,
    ...(treeCalls !== undefined && { treeCalls }),
    ...(traceparent !== undefined && { traceparent }),
    ...(pointer !== undefined && { pointer: pointer.index, version: pointer.version }),
  };
}

function refusal(message: string): CallError {
  return { code: 'chain_refused', message, details: { component: 'worker-pool' } };
}
