import * as E from '#fp/Either'
import type { CommandContext, CommandFailure, Handle, Outcome } from '../commands/handle.ts'
import type { Preconditions } from '../domain/item.ts'
import { isObject, type Json, type JsonObject, member } from '../domain/json.ts'
import { enrollmentShape, nodePatchShape } from '../domain/node-shapes.ts'
import {
  type Authority,
  type NodeCommand,
  type NodeState,
  type NodeStatus,
  nodeDecider,
  parseNode,
  withoutNulls,
} from '../domain/nodes.ts'
import type { InvalidPart } from '../domain/rejection.ts'
import { invalidPartsOf } from '../domain/resource.ts'
import type { AuthUnavailable } from './auth-store.ts'
import type { ClientSecrets, IssuedSecret } from './client-secrets.ts'
import { liveSecrets, nodeAccount, type Standing } from './standing.ts'
import type { Supersede } from './supersede.ts'

export type NodeFailure = CommandFailure | AuthUnavailable

export interface NodeWrite {
  readonly clientId: string
  /** On whose behalf. */
  readonly by: Authority
  readonly preconditions: Preconditions
  readonly context: CommandContext
  /** Asked right before events are appended: whether this request has its `Idempotency-Key`. */
  readonly claim?: (() => Promise<E.Either<NodeFailure, void>>) | undefined
}

/** `secret` is there only when this very command made it: it is shown now, and never again. */
export interface NodeOutcome extends Outcome<NodeState> {
  readonly secret?: string
}

/** The life of a node. Secrets go to auth's own store; events name only which version is live. */
export interface NodeUseCases {
  /** A node with keys of its own (`jwks`) gets no secret. */
  readonly enroll: (write: NodeWrite, node: JsonObject) => Promise<E.Either<NodeFailure, NodeOutcome>>
  readonly change: (write: NodeWrite, patch: JsonObject) => Promise<E.Either<NodeFailure, NodeOutcome>>
  /** These keys live beside the present ones. */
  readonly addKeys: (
    write: NodeWrite,
    keys: readonly JsonObject[],
  ) => Promise<E.Either<NodeFailure, NodeOutcome>>
  /** A second secret; the old one lives until it is retired. */
  readonly issueSecret: (write: NodeWrite) => Promise<E.Either<NodeFailure, NodeOutcome>>
  readonly retireOldSecret: (write: NodeWrite) => Promise<E.Either<NodeFailure, NodeOutcome>>
  readonly setStatus: (write: NodeWrite, status: NodeStatus) => Promise<E.Either<NodeFailure, NodeOutcome>>
}

const secretsOf = (state: NodeState): readonly string[] =>
  state.is === 'absent' ? [] : liveSecrets(parseNode(state.item))

export const nodeUseCases = (
  handle: Handle,
  secrets: ClientSecrets,
  standing: Pick<Standing, 'nodeIs'>,
  supersede: Supersede,
): NodeUseCases => {
  type Body = NodeCommand extends infer C
    ? C extends NodeCommand
      ? Omit<C, 'by' | 'preconditions'>
      : never
    : never

  /** Runs a command; with `secretFor`, a secret is made before it where the node's state calls for one. */
  const run = async (
    { clientId, by, preconditions, context, claim }: NodeWrite,
    command: (version: string | undefined) => Body,
    needsSecret: (state: NodeState) => boolean = () => false,
  ): Promise<E.Either<NodeFailure, NodeOutcome>> => {
    let issued: IssuedSecret | undefined
    const whole = (body: Body): NodeCommand => ({ ...body, by, preconditions })
    const outcome = await handle<NodeCommand, NodeState, AuthUnavailable>({
      stream: `node-${clientId}`,
      decider: nodeDecider,
      prepare: async state => {
        issued = undefined
        if (!needsSecret(state)) return E.right(whole(command(undefined)))
        const made = await secrets.issue(clientId)
        if (E.isLeft(made)) return made
        issued = made.right
        return E.right(whole(command(issued.version)))
      },
      ...(claim === undefined ? {} : { confirm: claim }),
      conditional: Object.keys(preconditions).length > 0,
      context,
      appended: async (after, revision, before) => {
        if (after.is !== 'absent') standing.nodeIs(clientId, after.item, revision)
        await supersede(nodeAccount(clientId), secretsOf(before), secretsOf(after))
      },
    })
    if (E.isLeft(outcome)) return outcome
    // Another process may have done the same command first: then its secret is the one that lives.
    return E.right(
      issued !== undefined && secretsOf(outcome.right.state).includes(issued.version)
        ? { ...outcome.right, secret: issued.secret }
        : outcome.right,
    )
  }

  return {
    enroll: (write, body) => {
      const node = withoutNulls(body)
      return run(
        write,
        credential => ({ _tag: 'Enroll', node, ...(credential === undefined ? {} : { credential }) }),
        state => state.is === 'absent' && node.jwks === undefined,
      )
    },
    change: (write, patch) => run(write, () => ({ _tag: 'Change', patch })),
    addKeys: (write, keys) => run(write, () => ({ _tag: 'AddKeys', keys })),
    issueSecret: write =>
      run(
        write,
        credential => ({ _tag: 'IssueSecret', credential: credential ?? '' }),
        state => state.is !== 'absent',
      ),
    retireOldSecret: write => run(write, () => ({ _tag: 'RetireOldSecret' })),
    setStatus: (write, status) => run(write, () => ({ _tag: 'SetStatus', status })),
  }
}

const leastModulusBits = 2048

/** An RSA key of a length and exponent that is safe (NIST SP 800-57, part 1, section 5.6.1); leading zeros do not count. */
const isStrong = ({ n, e }: JsonObject): boolean => {
  const number = (value: Json | undefined) =>
    BigInt(`0x0${Buffer.from(String(value), 'base64url').toString('hex')}`)
  return number(n) >> BigInt(leastModulusBits - 1) > 0n && number(e) >= 3n
}

/** Whether the cryptography here can use a key, besides its having the right form. */
const isUsable = async (key: JsonObject): Promise<boolean> => {
  const { alg: _, key_ops: __, ...plain } = key
  const algorithm =
    key.kty === 'OKP'
      ? 'Ed25519'
      : key.kty === 'EC'
        ? { name: 'ECDSA', namedCurve: 'P-256' }
        : { name: 'RSA-PSS', hash: 'SHA-256' }
  try {
    await crypto.subtle.importKey('jwk', plain, algorithm, true, ['verify'])
    return key.kty !== 'RSA' || isStrong(key)
  } catch {
    return false
  }
}

const unusableKeys = async (keys: readonly JsonObject[]): Promise<readonly InvalidPart[]> => {
  const usable = await Promise.all(keys.map(isUsable))
  return usable.flatMap((isGood, i) =>
    isGood
      ? []
      : [
          {
            pointer: `/jwks/keys/${i}`,
            detail: 'is no key that can be used: check its parameters and length',
          },
        ],
  )
}

/** The keys of a JWK set, of whatever form. */
export const keysIn = (jwks: Json | undefined): readonly JsonObject[] => {
  const keys = isObject(jwks) ? member(jwks, 'keys') : undefined
  return Array.isArray(keys) ? keys.filter(isObject) : []
}

const problemsWith = async (
  shape: typeof enrollmentShape | typeof nodePatchShape,
  body: JsonObject,
): Promise<readonly InvalidPart[]> => {
  const parts = invalidPartsOf(shape, body)
  return parts.length > 0 ? parts : unusableKeys(keysIn(member(body, 'jwks')))
}

/** What is wrong with the body of an enrollment. */
export const enrollmentProblems = (body: JsonObject) => problemsWith(enrollmentShape, body)

/** What is wrong with a merge patch of a node. */
export const nodePatchProblems = (body: JsonObject) => problemsWith(nodePatchShape, body)
