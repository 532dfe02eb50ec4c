import * as E from '#fp/Either'
import type { Principal } from '../../auth/policy.ts'
import { readableResources } from '../../auth/readable-resources.ts'
import { eventTypesOf, resourceOfEvent } from '../../domain/catalogue.ts'
import { parseAccount } from '../../domain/identifiers.ts'
import { formatPosition } from '../../domain/position.ts'
import { type InvalidPart, invalid } from '../../domain/rejection.ts'
import { checkWebhookUrl } from '../../relay/webhook-url.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Call } from '../http/call.ts'
import type { Failure } from '../http/problem.ts'
import { sentPosition } from '../http/start-position.ts'

type AskDependencies = Pick<
  ApiDependencies,
  'policy' | 'standing' | 'allowPrivateWebhooks' | 'logHead' | 'logIdentity' | 'feed' | 'positionOf'
>

/** What a subscription, or a change to one, asks for. */
export interface Asked {
  readonly url?: string | undefined
  readonly types?: readonly string[] | null | undefined
  readonly resources?: readonly string[] | null | undefined
  readonly person?: string | null | undefined
}

/** What is wrong with the address. */
export const urlProblems = async (
  { allowPrivateWebhooks }: AskDependencies,
  url: string | undefined,
): Promise<readonly InvalidPart[]> => {
  const problem =
    url === undefined ? undefined : await checkWebhookUrl(url, { allowPrivate: allowPrivateWebhooks })
  return problem === undefined ? [] : [{ pointer: '/url', detail: problem }]
}

/** The node with the rights it has now: of its token where it asks itself. */
const nodeAs = ({ standing }: AskDependencies, { principal }: Call, node: string): Principal =>
  principal.kind === 'node'
    ? principal
    : { kind: 'node', id: node, scopes: standing.node(node)?.scopes ?? [] }

const scopesFor = (resources: readonly string[]): readonly string[] => resources.map(name => `${name}:read`)

/**
 * The resources that a subscription is to: those it names, or those of the types it names, or all that the node may read. Each is one
 * that the node may read.
 */
export const resourcesAsked = (
  dependencies: AskDependencies,
  call: Call,
  node: string,
  { types, resources }: Asked,
): E.Either<Failure, readonly string[]> => {
  const readable = readableResources(dependencies.policy, nodeAs(dependencies, call, node))
  const named =
    resources ?? (types === null || types === undefined ? undefined : [...new Set(types.map(resourceNameOf))])
  const asked = named ?? readable
  const lacking = asked.filter(name => !readable.includes(name))
  const needed = asked.length === 0 ? scopesFor(['people']) : scopesFor(lacking)
  if (needed.length > 0)
    return E.left(
      call.principal.kind === 'node'
        ? { _tag: 'ScopeMissing', needed }
        : invalid({ pointer: '/resources', detail: `the node lacks the scopes ${needed.join(', ')}` }),
    )
  const strays = types?.filter(type => !eventTypesOf(asked).includes(type)) ?? []
  return strays.length === 0
    ? E.right(asked)
    : E.left(invalid({ pointer: '/types', detail: `${strays.join(', ')} is of none of the resources` }))
}

const resourceNameOf = (type: string): string => resourceOfEvent(type)?.name ?? ''

export const personAsked = (person: string | null | undefined): string | null =>
  typeof person === 'string' ? (parseAccount(person) ?? null) : null

/** Where a subscription begins: after a position, at the start, or now. */
export const beginningAsked = async (
  dependencies: AskDependencies,
  from: string | null | undefined,
): Promise<E.Either<Failure, string>> => {
  const { logHead, logIdentity } = dependencies
  if (from === 'start') return E.right(formatPosition(logIdentity, 0n))
  const head = await logHead()
  if (E.isLeft(head)) return head
  if (from === null || from === undefined) return E.right(formatPosition(logIdentity, head.right))
  const number = await sentPosition(dependencies, from, { pointer: '/from' }, head.right)
  return E.map(() => from)(number)
}
