import { account, date, itemId, word } from './fields.ts'
import { institutions } from './institutions.ts'
import { people } from './people.ts'
import { resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

export const lifeEvents = resource({
  name: 'events',
  noun: 'event',
  about:
    'Life events: births, deaths, notifiable conditions, immunizations and what else civil offices and health know of.',
  examples: {
    item: {
      id: 'imm-2024-0001',
      person: 'ESPGNU777ORG',
      type: 'immunization',
      date: '2024-01-02',
      institution: 'gral-hospital',
    },
    change: { note: 'second dose' },
  },
  makesIds: true,
  subjectField: 'person',
  fields: {
    person: account,
    type: word(vocabularies.lifeEventType),
    date,
    institution: itemId,
  },
  required: ['person', 'type', 'date'],
  references: { person: people, institution: institutions },
  events: {
    created: 'LifeEventRecorded',
    changed: 'LifeEventCorrected',
    replaced: 'LifeEventReplaced',
    removed: 'LifeEventRetracted',
  },
  filters: {
    person: { kind: 'text', fields: ['person'] },
    type: { kind: 'text', fields: ['type'], vocabulary: vocabularies.lifeEventType },
    institution: { kind: 'text', fields: ['institution'] },
  },
  endpoints: { collection: 'events', item: 'events' },
  orderedBy: 'date',
})
