import { anything, date, flag, object, text, textOrNumber, word } from './fields.ts'
import { parseItemId } from './identifiers.ts'
import { member } from './json.ts'
import type { Resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

/** Pages of life: what happened to a person, written into the person's book of life. */
export const pages: Resource = {
  name: 'pols',
  noun: 'page',
  parseId: parseItemId,
  idRule: '1 to 128 of A–Z a–z 0–9 . _ ~ : -',
  ownerField: 'book',
  subject: item => {
    const book = member(item, 'book')
    return typeof book === 'string' ? book : undefined
  },
  fields: {
    page_date: date,
    page_type: word(vocabularies.pageType),
    domain: word(vocabularies.pageType),
    medical_context: word(vocabularies.medicalContext),
    social_context: word(vocabularies.socialContext),
    context: word(vocabularies.anyContext),
    relevance: word(vocabularies.relevance),
    health_condition_code: text,
    health_condition_text: text,
    procedure_code: text,
    procedure_text: text,
    gene: text,
    natural_variant: text,
    phenotype: text,
    summary: text,
    info: text,
    // A list of readings from MyGNUHealth, one text (a Python repr) from the HMIS.
    measurements: anything,
    age: textOrNumber,
    node: text,
    author: text,
    author_acct: text,
    privacy: flag,
    creation_info: object,
    modification_info: object,
  },
  defaults: {},
  held: [],
  events: {
    created: 'PageWritten',
    changed: 'PageAmended',
    replaced: 'PageReplaced',
    removed: 'PageWithdrawn',
  },
  facts: {},
  notRemovable: () => undefined,
  filters: {
    page_type: { kind: 'text', fields: ['page_type', 'domain'], vocabulary: vocabularies.pageType },
    medical_context: {
      kind: 'text',
      fields: ['medical_context', 'context'],
      vocabulary: vocabularies.medicalContext,
    },
    relevance: { kind: 'text', fields: ['relevance'], vocabulary: vocabularies.relevance },
  },
  endpoints: { collection: 'book', item: 'page' },
  orderedBy: 'page_date',
}
