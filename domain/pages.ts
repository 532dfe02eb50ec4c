import { anything, date, flag, text, textOrNumber, word } from './fields.ts'
import { resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

/** Pages of life: what happened to a person, written into the person's book of life. */
export const pages = resource({
  name: 'pols',
  noun: 'page',
  makesIds: true,
  ownerField: 'book',
  subjectField: 'book',
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
  },
  events: {
    created: 'PageWritten',
    changed: 'PageAmended',
    replaced: 'PageReplaced',
    removed: 'PageWithdrawn',
  },
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
})
