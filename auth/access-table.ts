import { catalogue } from '../domain/catalogue.ts'
import { personalDocuments } from '../domain/personal-documents.ts'
import type { Resource } from '../domain/resource.ts'
import type { RoleMethod } from './roles.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Which roles open it: those that list the endpoint under one of the methods. */
interface RoleGrant {
  readonly endpoint: string
  readonly methods: readonly RoleMethod[]
  /**
   * How far a role that is not global reaches: to what is about its holder, nowhere, or to anything, where a thing is
   * nobody's.
   */
  readonly reach: 'own' | 'nowhere' | 'anybody'
  /** A role that is not global reaches anything of nobody's only beside one that lists this endpoint to read. */
  readonly reads?: string
  /** One's own needs no role at all. */
  readonly ownIsEverybodys?: boolean
}

/** Who may: people by their roles, nodes by the scopes of their token. */
export interface Grant {
  readonly people: 'everybody' | 'nobody' | RoleGrant
  /** A token needs all of them. Without any, no node may. */
  readonly scopes?: readonly [string, ...string[]]
  /** A token needs one of them, instead. */
  readonly anyScope?: readonly [string, ...string[]]
}

/** A path of the API: who may do what there, and what says whom it is about: a parameter of the path, or each item. */
export interface PathAccess {
  readonly subject?: 'id' | 'person' | 'item'
  readonly grants: Partial<Readonly<Record<Method, Grant>>>
  /** Of a GET with `asOf`, instead of the right to read. */
  readonly asOf?: Grant
}

/** The paths of a resource's collection and of its items. */
export const collectionPath = ({ name, ownerField }: Pick<Resource, 'name' | 'ownerField'>): string =>
  ownerField === undefined ? `/${name}` : `/${name}/:person`
export const itemPath = (resource: Pick<Resource, 'name' | 'ownerField'>): string =>
  `${collectionPath(resource)}/:id`

/** The path of an item's content, where the resource has such. */
export const contentPath = (resource: Pick<Resource, 'name' | 'ownerField'>): string =>
  `${itemPath(resource)}/content`

const grantsOf = (
  role: Pick<RoleGrant, 'endpoint' | 'reach'>,
  collection: string,
  methods: readonly Method[],
): PathAccess['grants'] => {
  const of = (...methods: readonly RoleMethod[]) => ({ ...role, methods })
  const all: Record<Method, Grant> = {
    GET: { people: of('GET'), scopes: [`${collection}:read`] },
    POST: { people: of('POST'), scopes: [`${collection}:write`] },
    // Needs POST where it creates, PATCH where it changes: which of them, the item tells.
    PUT: { people: of('POST', 'PATCH'), scopes: [`${collection}:write`] },
    PATCH: { people: of('PATCH'), scopes: [`${collection}:write`] },
    DELETE: { people: of('DELETE'), scopes: [`${collection}:delete`] },
  }
  return Object.fromEntries(methods.map(method => [method, all[method]]))
}

/** The right to the past of things, as far as a role reaches. */
const ofHistory = (collection: string, reach: RoleGrant['reach'], reads?: string): Grant => ({
  people: { endpoint: 'history', methods: ['GET'], reach, ...(reads === undefined ? {} : { reads }) },
  scopes: ['history:read', `${collection}:read`],
})

/** The paths of an item's history. */
export const historyPaths = (item: string): Readonly<Record<'entries' | 'revision' | 'diff', string>> => ({
  entries: `${item}/history`,
  revision: `${item}/history/:revision`,
  diff: `${item}/diff`,
})

const accessToHistory = (
  item: string,
  access: Pick<PathAccess, 'subject'>,
  grant: Grant,
): readonly (readonly [string, PathAccess])[] =>
  Object.values(historyPaths(item)).map(path => [path, { ...access, grants: { GET: grant } }] as const)

const subjectIn = ({ subjectField, ownerField }: Resource): PathAccess['subject'] =>
  subjectField === 'id' ? 'id' : ownerField !== undefined ? 'person' : subjectField && 'item'

const accessToResource = (resource: Resource): readonly (readonly [string, PathAccess])[] => {
  const { name, endpoints, contentFact } = resource
  const subject = subjectIn(resource)
  const about = subject === undefined ? {} : { subject }
  const reach = subject === undefined ? 'anybody' : 'own'
  // A collection of people is nobody's own.
  const ofMany = subject === 'id' ? 'nowhere' : reach
  return [
    [
      collectionPath(resource),
      {
        ...(subject === 'id' ? {} : about),
        grants: {
          ...grantsOf({ endpoint: endpoints.collection, reach: ofMany }, name, ['GET']),
          ...grantsOf({ endpoint: endpoints.item, reach: ofMany }, name, ['POST']),
        },
        asOf: ofHistory(name, ofMany, endpoints.collection),
      },
    ],
    [
      itemPath(resource),
      {
        ...about,
        grants: grantsOf({ endpoint: endpoints.item, reach }, name, [
          'GET',
          'POST',
          'PUT',
          'PATCH',
          'DELETE',
        ]),
        asOf: ofHistory(name, reach, endpoints.item),
      },
    ],
    ...accessToHistory(itemPath(resource), about, ofHistory(name, reach, endpoints.item)),
    ...(contentFact === undefined
      ? []
      : [
          [
            contentPath(resource),
            { ...about, grants: grantsOf({ endpoint: endpoints.item, reach }, name, ['GET', 'PUT']) },
          ] as const,
        ]),
  ]
}

const documentsOf = (endpoint: string): PathAccess => ({
  subject: 'person',
  grants: grantsOf({ endpoint, reach: 'own' }, personalDocuments.name, ['GET']),
})

/** The rights to what only its own request changes. */
export const assignRoles: Grant = { people: { endpoint: 'roles', methods: ['PATCH'], reach: 'nowhere' } }
export const setActive: Grant = { people: { endpoint: 'active', methods: ['PATCH'], reach: 'nowhere' } }
export const setPassword: Grant = {
  people: { endpoint: 'password', methods: ['POST'], reach: 'nowhere', ownIsEverybodys: true },
}

const ofNodes = (method: RoleMethod, action: 'read' | 'write'): Grant => ({
  people: { endpoint: 'nodes', methods: [method], reach: 'nowhere' },
  scopes: [`nodes:${action}`],
})

const following: Grant = {
  people: { endpoint: 'feed', methods: ['GET'], reach: 'nowhere' },
  scopes: ['feed:read'],
}
const auditing: Grant = {
  people: { endpoint: 'audit', methods: ['GET'], reach: 'nowhere' },
  scopes: ['audit:read'],
}

const nodesOnly = (scope: string): Grant => ({ people: 'nobody', scopes: [scope] })
const sending = nodesOnly('messages:send')
const receiving = nodesOnly('messages:read')
/** A message is its sender's and its recipients'. */
const takingPart: Grant = { people: 'nobody', anyScope: ['messages:send', 'messages:read'] }

const subscribing = (method: RoleMethod): Grant => ({
  people: { endpoint: 'subscriptions', methods: [method], reach: 'nowhere' },
  scopes: ['subscriptions:write'],
})
/** Given to no role but root, and to no node that was not given it by name. */
const erasing: Grant = {
  people: { endpoint: 'erasure', methods: ['POST'], reach: 'nowhere' },
  scopes: ['people:erase'],
}

/** The one table of who may do what: a path or method that is not in it is nobody's. */
export const accessTable: ReadonlyMap<string, PathAccess> = new Map<string, PathAccess>([
  ['/login', { grants: { GET: { people: 'everybody' } } }],
  ...catalogue.flatMap(accessToResource),
  ['/personal_docs/:person', documentsOf(personalDocuments.endpoints.collection)],
  ['/personal_docs/:person/:page', documentsOf('poldocs')],
  ['/people/:id/roles', { grants: { PUT: assignRoles } }],
  ['/people/:id/active', { grants: { PUT: setActive } }],
  ['/people/:id/erasure', { grants: { POST: erasing } }],
  ['/people/:id/hold', { grants: { PUT: erasing, DELETE: erasing } }],
  ['/password/:id', { subject: 'id', grants: { GET: setPassword, POST: setPassword } }],
  ['/nodes', { grants: { GET: ofNodes('GET', 'read'), POST: ofNodes('POST', 'write') } }],
  ['/feed', { grants: { GET: following } }],
  ['/audit', { grants: { GET: auditing } }],
  ['/messages', { grants: { GET: receiving, POST: sending } }],
  ['/messages/acks', { grants: { POST: receiving } }],
  ['/messages/:id', { grants: { GET: takingPart } }],
  ['/messages/:id/content', { grants: { GET: takingPart, PUT: sending } }],
  ['/messages/:id/ack', { grants: { POST: receiving } }],
  ['/subscriptions', { grants: { GET: subscribing('GET'), POST: subscribing('POST') } }],
  [
    '/subscriptions/:id',
    { grants: { GET: subscribing('GET'), PATCH: subscribing('PATCH'), DELETE: subscribing('DELETE') } },
  ],
  ['/subscriptions/:id/secret', { grants: { POST: subscribing('POST') } }],
  ['/subscriptions/:id/test', { grants: { POST: subscribing('POST') } }],
  ['/subscriptions/:id/dead-letters', { grants: { GET: subscribing('GET') } }],
  ['/subscriptions/:id/dead-letters/replay', { grants: { POST: subscribing('POST') } }],
  ...accessToHistory('/nodes/:id', {}, ofHistory('nodes', 'nowhere')),
  ['/nodes/:id', { grants: { GET: ofNodes('GET', 'read'), PATCH: ofNodes('PATCH', 'write') } }],
  ['/nodes/:id/status', { grants: { PUT: ofNodes('PATCH', 'write') } }],
  ['/nodes/:id/secrets', { grants: { POST: ofNodes('POST', 'write') } }],
  ['/nodes/:id/secrets/old', { grants: { DELETE: ofNodes('DELETE', 'write') } }],
])
