import * as E from '#fp/Either'
import { folded } from '../../domain/filter.ts'
import { parseAccount, parseItemId } from '../../domain/identifiers.ts'
import { pages } from '../../domain/pages.ts'
import { people } from '../../domain/people.ts'
import { personalDocuments } from '../../domain/personal-documents.ts'
import { modelOf } from '../../projections/items.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { lists } from '../description/operation.ts'
import { itemShapes } from '../description/shapes.ts'
import { type Handle, pathParameter } from '../http/call.ts'
import type { Route } from '../http/route.ts'
import { noSuch } from './item-identity.ts'
import { type Listed, listedOf } from './listed.ts'
import { listItems } from './lists.ts'

const root = '/personal_docs'
const model = modelOf(personalDocuments)
const { name } = personalDocuments
const { person: _person, ...ofPerson } = personalDocuments.filters
const { page: _page, ...ofPage } = ofPerson
const personOfPath = { rule: people.idRule, example: people.examples.item.id }

/** The original's read paths: a person's documents, and those of one page of theirs. */
export const documentsOfPeople = (dependencies: ApiDependencies): readonly Route[] => {
  const listOf =
    (listed: Listed, pathOf: (person: string) => string, page: string | undefined): Handle =>
    call => {
      const person = parseAccount(pathParameter(call, 'person')) ?? null
      const path = pathOf(person ?? '')
      const equals = { person: folded(person ?? ''), ...(page === undefined ? {} : { page: folded(page) }) }
      return listItems(dependencies, call, listed, model, { path, person, equals })
    }

  const documents = listedOf({ name, filters: ofPerson }, dependencies)
  const documentsOfPage = listedOf({ name, filters: ofPage }, dependencies)
  const { shown } = itemShapes(personalDocuments)

  return [
    {
      path: `${root}/:person`,
      parameters: { person: personOfPath },
      operations: {
        GET: {
          handle: listOf(documents, person => `${root}/${person}`, undefined),
          summary: 'List the documents of a person',
          description: 'The original’s path.',
          query: documents.query,
          ...lists(shown, documents.many),
          refuses: [404, 410],
        },
      },
    },
    {
      path: `${root}/:person/:page`,
      parameters: { person: personOfPath, page: { rule: pages.idRule, example: pages.examples.item.id } },
      operations: {
        GET: {
          handle: call => {
            const page = parseItemId(pathParameter(call, 'page'))
            return page === undefined
              ? Promise.resolve(E.left(noSuch(pages)))
              : listOf(documentsOfPage, person => `${root}/${person}/${page}`, page)(call)
          },
          summary: 'List the documents of a page',
          description: 'The original’s path.',
          query: documentsOfPage.query,
          ...lists(shown, documentsOfPage.many),
          refuses: [404, 410],
        },
      },
    },
  ]
}
