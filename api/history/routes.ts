import { historyPaths, itemPath } from '../../auth/access-table.ts'
import { catalogue } from '../../domain/catalogue.ts'
import { parseClientId } from '../../domain/nodes.ts'
import { people } from '../../domain/people.ts'
import { keyOf, type Resource } from '../../domain/resource.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { lists, reads, type Shape } from '../description/operation.ts'
import { itemShapes } from '../description/shapes.ts'
import { pathParameter } from '../http/call.ts'
import { pageQuery } from '../http/page-limit.ts'
import { confinedInHistory } from '../http/rights.ts'
import type { PathParameter, Route } from '../http/route.ts'
import { nodeParameters, nodeShapes } from '../nodes/node-bodies.ts'
import { identityIn } from '../resources/item-identity.ts'
import { type Historied, historyOf } from './history-of.ts'
import { changeDescription, entryDescription } from './shapes.ts'

/** The things of one kind, and what the documentation says of them. */
interface Documented extends Historied {
  readonly path: string
  readonly parameters: Readonly<Record<string, PathParameter>>
  readonly shape: Shape
  /** Whether a revision can be a removal. */
  readonly canBeRemoved: boolean
}

const itemsOf = (resource: Resource, { policy }: ApiDependencies): Documented => {
  const person = { person: { rule: people.idRule, example: people.examples.item.id } }
  return {
    kind: resource.name,
    noun: resource.noun,
    keyIn: call => {
      const identity = identityIn(resource, call)
      return identity === undefined ? undefined : keyOf(identity)
    },
    confinedTo: confinedInHistory(resource, policy),
    path: itemPath(resource),
    parameters: {
      ...(resource.ownerField === undefined ? {} : person),
      id: { rule: resource.idRule, example: resource.examples.item.id },
    },
    shape: itemShapes(resource).shown,
    canBeRemoved: true,
  }
}

const nodesOf: Documented = {
  kind: 'nodes',
  noun: 'node',
  keyIn: call => parseClientId(pathParameter(call, 'id')),
  confinedTo: () => undefined,
  path: '/nodes/:id',
  parameters: nodeParameters,
  shape: nodeShapes.revision,
  canBeRemoved: false,
}

const revisionQuery = { type: 'integer', minimum: 0, required: true }
const revisionParameter = { rule: 'a whole number from 0', example: '0' }

/** The history of every item and node: `…/history`, `…/history/{revision}`, `…/diff`. */
export const historyRoutes = (dependencies: ApiDependencies): readonly Route[] =>
  [...catalogue.map(resource => itemsOf(resource, dependencies)), nodesOf].flatMap(things => {
    const { noun, path, parameters, shape, canBeRemoved } = things
    const one = `${/^[aeio]/.test(noun) ? 'an' : 'a'} ${noun}`
    const answers = historyOf(things, dependencies)
    const paths = historyPaths(path)
    return [
      {
        path: paths.entries,
        parameters,
        operations: {
          GET: {
            handle: answers.entries,
            summary: `Read the history of ${one}`,
            description: 'Every change, newest first, the removal too: who made it, when, and which fields.',
            query: pageQuery(),
            ...lists(entryDescription, 'flat'),
            refuses: [404],
          },
        },
      },
      {
        path: paths.revision,
        parameters: { ...parameters, revision: revisionParameter },
        operations: {
          GET: {
            handle: answers.revision,
            summary: `Read ${one} as of a revision`,
            query: {},
            ...reads(shape),
            refuses: [404, ...(canBeRemoved ? [410] : [])],
          },
        },
      },
      {
        path: paths.diff,
        parameters,
        operations: {
          GET: {
            handle: answers.diff,
            summary: `Compare two revisions of ${one}`,
            query: {
              from: { ...revisionQuery, description: 'The revision to begin with.' },
              to: { ...revisionQuery, description: 'The revision to compare it with.' },
            },
            headers: ['Thalamus-Min-Position'],
            answers: { 200: { shape: changeDescription, many: 'flat' } },
            refuses: [404],
          },
        },
      },
    ] satisfies readonly Route[]
  })
