import { describe, expect, it } from 'vitest'
import roles from '../../auth/roles.json' with { type: 'json' }
import { catalogue, eventShapes, schemaVersionOf } from '../../domain/catalogue.ts'
import { encounters } from '../../domain/encounters.ts'
import { invalidFields } from '../../domain/item-body.ts'
import { nodeEvents } from '../../domain/nodes.ts'
import { personalDocuments } from '../../domain/personal-documents.ts'
import { scopes } from '../../domain/scopes.ts'

const unique = (words: readonly string[]) => expect(new Set(words).size).toBe(words.length)

describe('the catalogue of resources', () => {
  it('names streams, events and collections so that none is taken for another', () => {
    unique(['node', 'message', 'hub', 'positions', ...catalogue.map(({ noun }) => noun)])
    unique(['nodes', 'messages', 'versions', 'accounts', ...catalogue.map(({ name }) => name)])
    unique([...catalogue.flatMap(({ eventTypes }) => eventTypes), ...Object.keys(nodeEvents)])
    // The first hyphen of a stream's name ends its noun.
    for (const { noun } of catalogue) expect(noun).toMatch(/^[a-z]+$/)
  })

  it('is what scopes and the shipped roles are about', () => {
    const root = roles.find(({ role }) => role === 'root')?.permissions
    for (const { name, endpoints } of catalogue) {
      for (const action of ['read', 'write', 'delete']) expect(scopes).toContain(`${name}:${action}`)
      expect(root?.GET).toEqual(expect.arrayContaining(Object.values(endpoints)))
      for (const method of ['POST', 'PATCH', 'DELETE'] as const)
        expect(root?.[method]).toContain(endpoints.item)
    }
  })

  it.each(catalogue.map(resource => [resource.name, resource] as const))(
    'declares %s so that what its lists compare is bounded, and what it requires and refers to is known',
    (_name, resource) => {
      const { fields, filters, orderedBy = [], required, references, lifecycle } = resource
      const compared = [...Object.values(filters).flatMap(filter => filter.fields), ...[orderedBy].flat()]
      for (const field of compared) {
        const [problem] = invalidFields(resource, { [field]: 'x'.repeat(201) })
        expect(problem).toMatchObject({ pointer: `/${field}` })
      }
      for (const field of [...required, ...Object.keys(references), ...[lifecycle?.field ?? []].flat()])
        expect(fields).toHaveProperty(field)
      for (const target of Object.values(references)) expect(catalogue).toContain(target)
    },
  )
})

describe('the types of events', () => {
  it('are a union: a switch that misses one does not compile', () => {
    const whatHappened = (type: (typeof encounters.eventTypes)[number]): string => {
      switch (type) {
        case 'EncounterOpened':
        case 'EncounterChanged':
        case 'EncounterReplaced':
        case 'EncounterRemoved':
          return 'as to any item'
        case 'EncounterClosed':
        case 'EncounterCancelled':
          return 'a move of its lifecycle'
      }
    }
    // @ts-expect-error PersonalDocumentContentStored is missing, so that the end can be reached.
    const missing = (type: (typeof personalDocuments.eventTypes)[number]): string => {
      switch (type) {
        case 'PersonalDocumentFiled':
        case 'PersonalDocumentAmended':
        case 'PersonalDocumentReplaced':
        case 'PersonalDocumentWithdrawn':
          return 'as to any item'
      }
    }
    expect(encounters.eventTypes.map(whatHappened)).toHaveLength(6)
    expect(personalDocuments.eventTypes.map(missing)).toContain(undefined)
  })

  it('have a schema version each', () => {
    for (const type of eventShapes.keys()) expect(schemaVersionOf(type)).toBeGreaterThanOrEqual(1)
  })
})
