import { account, date, itemId, text, word } from './fields.ts'
import { institutions } from './institutions.ts'
import { member } from './json.ts'
import { people } from './people.ts'
import { resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

export const encounters = resource({
  name: 'encounters',
  noun: 'encounter',
  about:
    'Encounters: a person is seen by somebody who cares for their health. Open ones are closed or cancelled, once.',
  examples: {
    item: {
      id: 'enc-2024-0001',
      person: 'ESPGNU777ORG',
      institution: 'gral-hospital',
      status: 'open',
      start: '2024-01-02T10:00:00Z',
      reason: 'fever',
    },
    change: { status: 'closed', end: '2024-01-02T11:30:00Z' },
  },
  makesIds: true,
  subjectField: 'person',
  fields: {
    person: account,
    institution: itemId,
    status: word(vocabularies.encounterStatus),
    start: date,
    end: date,
    reason: text,
  },
  required: ['person', 'start'],
  references: { person: people, institution: institutions },
  lifecycle: {
    field: 'status',
    moves: { open: { closed: 'EncounterClosed', cancelled: 'EncounterCancelled' } },
  },
  span: ['start', 'end'],
  defaults: { status: 'open' },
  events: {
    created: 'EncounterOpened',
    changed: 'EncounterChanged',
    replaced: 'EncounterReplaced',
    removed: 'EncounterRemoved',
  },
  notRemovable: item =>
    member(item, 'status') === 'closed' ? 'The encounter is closed: it stays on record.' : undefined,
  filters: {
    person: { kind: 'text', fields: ['person'] },
    institution: { kind: 'text', fields: ['institution'] },
    status: { kind: 'text', fields: ['status'], vocabulary: vocabularies.encounterStatus },
  },
  endpoints: { collection: 'encounters', item: 'encounters' },
  orderedBy: 'start',
})
