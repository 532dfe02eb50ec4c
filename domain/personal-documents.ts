import { account, flag, shortText, text } from './fields.ts'
import { people } from './people.ts'
import { resource } from './resource.ts'

export const personalDocuments = resource({
  name: 'personal-documents',
  noun: 'document',
  about: 'Personal documents: scans, reports, images and other files about a person.',
  examples: {
    item: {
      id: 'doc-2024-0001',
      person: 'ESPGNU777ORG',
      page: '41b9662b-8f85-412b-8254-8b854f6405c7',
      type: 'report',
      description: 'Blood count',
      extension: 'pdf',
      context: 'lab',
      active: true,
    },
    change: { description: 'Blood count, corrected' },
  },
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
  readModelVersion: 2,
  endpoints: { collection: 'personaldocs', item: 'personaldocs' },
})
