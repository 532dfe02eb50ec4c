import { describe, expect, it } from 'vitest'
import * as E from '#fp/Either'
import { contentDecider, type StoreContent } from '../../domain/content-decider.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { ItemCommand } from '../../domain/item.ts'
import { itemDecider } from '../../domain/item-decider.ts'
import { personalDocuments } from '../../domain/personal-documents.ts'

const { initial, evolve, decide } = itemDecider(personalDocuments, { id: 'd1' })
const { decide: decideOnContent } = contentDecider(personalDocuments)
const given = (...events: readonly DomainEvent[]) => events.reduce(evolve, initial)

const content = { size: 5, type: 'image/png', sha256: 'a'.repeat(64) }
const filed: DomainEvent = { type: 'PersonalDocumentFiled', data: { id: 'd1', person: 'A' } }
const stored: DomainEvent = { type: 'PersonalDocumentContentStored', data: content }
const withdrawn: DomainEvent = { type: 'PersonalDocumentWithdrawn', data: {} }

const store: StoreContent = {
  content,
  mayAdd: true,
  mayReplace: true,
  onlyNew: false,
  preconditions: {},
}
const patch = (body: Extract<ItemCommand, { _tag: 'Patch' }>['patch']): ItemCommand => ({
  _tag: 'Patch',
  patch: body,
  preconditions: {},
})
const rejected = (tag: string) => expect.objectContaining({ left: expect.objectContaining({ _tag: tag }) })

describe('a content', () => {
  it('is stored, and shown by the document from then on', () => {
    expect(decideOnContent(store, given(filed))).toEqual(E.right([stored]))
    expect(given(filed, stored)).toMatchObject({ item: { id: 'd1', person: 'A', content }, contentSince: 1 })
  })

  it('is replaced by other bytes, and by the same of another type', () => {
    for (const change of [{ sha256: 'b'.repeat(64) }, { type: 'image/jpeg' }]) {
      const other = { ...content, ...change }
      const replaced = decideOnContent({ ...store, content: other }, given(filed, stored))
      expect(replaced).toEqual(E.right([{ ...stored, data: other }]))
      expect(given(filed, stored, { ...stored, data: other })).toMatchObject({ contentSince: 1 })
    }
  })

  it('accepts the same again without a new event', () => {
    expect(decideOnContent(store, given(filed, stored))).toEqual(E.right([]))
    const untyped = { ...content, type: 'application/octet-stream' }
    expect(decideOnContent({ ...store, content: untyped }, given(filed, stored))).toEqual(E.right([]))
  })

  it('rejects a document that is not there', () => {
    expect(decideOnContent(store, given())).toEqual(rejected('NeverWas'))
    expect(decideOnContent(store, given(filed, stored, withdrawn))).toEqual(rejected('Removed'))
  })

  it('rejects another revision, and a second one where only a first is wanted', () => {
    expect(decideOnContent({ ...store, preconditions: { ifMatch: [1] } }, given(filed))).toEqual(
      rejected('StaleRevision'),
    )
    expect(decideOnContent({ ...store, onlyNew: true }, given(filed))).toEqual(E.right([stored]))
    expect(decideOnContent({ ...store, onlyNew: true }, given(filed, stored))).toEqual(
      rejected('StaleRevision'),
    )
  })

  it('rejects one who may only add where there is one, and one who may only replace where there is none', () => {
    expect(decideOnContent({ ...store, mayReplace: false }, given(filed))).toEqual(E.right([stored]))
    expect(decideOnContent({ ...store, mayReplace: false }, given(filed, stored))).toEqual(
      rejected('NotAllowed'),
    )
    expect(decideOnContent({ ...store, mayAdd: false }, given(filed))).toEqual(rejected('NotAllowed'))
  })

  it('rejects one confined to the documents of somebody else, as if it never was', () => {
    const confinement = { creating: 'B', seeing: 'B' }
    expect(decideOnContent({ ...store, confinement }, given(filed))).toEqual(rejected('NeverWas'))
  })
})

describe('the document of a content', () => {
  it('is changed by what else a body says, and left alone by a repetition', () => {
    const changed = { type: 'PersonalDocumentAmended', data: { type: 'lab' } }
    expect(decide(patch({ type: 'lab', content }), given(filed, stored))).toEqual(E.right([changed]))
    expect(decide(patch({ content }), given(filed, stored))).toEqual(E.right([]))
    expect(decide(patch({ content: null }), given(filed))).toEqual(E.right([]))
  })

  it('rejects a body that would change its content', () => {
    expect(decide(patch({ content: null }), given(filed, stored))).toEqual(rejected('Invalid'))
    expect(decide(patch({ content }), given(filed))).toEqual(rejected('Invalid'))
  })
})
