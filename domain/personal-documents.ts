import { account, flag, shortText, text } from './fields.ts'
import { people } from './people.ts'
import { resource } from './resource.ts'

/** Personal documents: scans, reports, images and other files about a person. */
export const personalDocuments = resource({
  name: 'personal-documents',
  noun: 'document',
  makesIds: true,
  subjectField: 'person',
  fields: {
    person: account,
    page: shortText,
    type: shortText,
    description: text,
    extension: text,
    context: text,
    active: flag,
  },
  required: ['person'],
  references: { person: people },
  contentFact: 'PersonalDocumentContentStored',
  events: {
    created: 'PersonalDocumentFiled',
    changed: 'PersonalDocumentAmended',
    replaced: 'PersonalDocumentReplaced',
    removed: 'PersonalDocumentWithdrawn',
  },
  filters: {
    person: { kind: 'text', fields: ['person'] },
    page: { kind: 'text', fields: ['page'] },
    type: { kind: 'text', fields: ['type'] },
  },
  endpoints: { collection: 'personaldocs', item: 'personaldocs' },
})
