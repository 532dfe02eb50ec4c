import * as E from '#fp/Either'
import { parseAccount, parseItemId } from '../domain/identifiers.ts'
import { pages } from '../domain/pages.ts'
import { personalDocuments } from '../domain/personal-documents.ts'
import { folded } from '../domain/resource.ts'
import { modelOf } from '../projections/items.ts'
import { type Handle, pathParameter, type Route } from './call.ts'
import type { ApiDependencies } from './dependencies.ts'
import { noSuch } from './item-identity.ts'
import { listOfPerson } from './lists.ts'

const root = '/personal_docs'
const model = modelOf(personalDocuments)
const { person: _person, ...ofPerson } = personalDocuments.filters
const { page: _page, ...ofPage } = ofPerson

/** The original's read paths: a person's documents, and those of one page of theirs. */
export const documentsOfPeople = (dependencies: ApiDependencies): readonly Route[] => {
  const listOf =
    (filters: typeof ofPerson, pathOf: (person: string) => string, page: string | undefined): Handle =>
    call => {
      const person = parseAccount(pathParameter(call, 'person'))
      const within = {
        path: pathOf(person ?? ''),
        equals: { person: folded(person ?? ''), ...(page === undefined ? {} : { page: folded(page) }) },
      }
      return listOfPerson(
        dependencies,
        call,
        { name: personalDocuments.name, filters },
        model,
        within,
        person,
      )
    }

  return [
    {
      path: `${root}/:person`,
      operations: { GET: listOf(ofPerson, person => `${root}/${person}`, undefined) },
    },
    {
      path: `${root}/:person/:page`,
      operations: {
        GET: call => {
          const page = parseItemId(pathParameter(call, 'page'))
          return page === undefined
            ? async () => E.left(noSuch(pages))
            : listOf(ofPage, person => `${root}/${person}/${page}`, page)(call)
        },
      },
    },
  ]
}
