import { z } from 'zod'
import { erasureEvents } from './erasure.ts'
import { day, flag, objectOrText, openWord, shortText, texts } from './fields.ts'
import { parseAccount } from './identifiers.ts'
import { member, withMembers } from './json.ts'
import { personRules } from './person-rules.ts'
import { resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

export const people = resource({
  name: 'people',
  noun: 'person',
  about:
    'People of the federation: the holders of books of life, and whoever logs in. A password goes in, and never comes out.',
  examples: {
    item: {
      id: 'ESPGNU777ORG',
      creation_info: {
        user: 'ITAPYT999HON',
        timestamp: '2024-01-02 03:04:05.678901',
        node: 'SPAIN-LASPALMAS-GNUSOLIDARIO-GRAL_HOSPITAL',
      },
      name: 'Ana',
      lastname: 'Betz',
      dob: '1985-10-04',
      gender: 'f',
    },
    change: {
      modification_info: {
        user: 'ITAPYT999HON',
        timestamp: '2024-01-02 03:04:05.678901',
        node: 'SPAIN-LASPALMAS-GNUSOLIDARIO-GRAL_HOSPITAL',
      },
      lastname: 'Betz',
    },
  },
  parseId: parseAccount,
  idRule: 'a federation account: 1 to 64 of A–Z 0–9 . _ -',
  subjectField: 'id',
  fields: {
    name: shortText,
    lastname: shortText,
    dob: day,
    gender: openWord(vocabularies.gender),
    active: flag,
    roles: texts,
    address: objectOrText,
    contact: objectOrText,
  },
  defaults: { active: true, roles: ['end_user'] },
  secretField: 'password',
  rules: personRules,
  events: {
    created: 'PersonRegistered',
    changed: 'PersonChanged',
    replaced: 'PersonReplaced',
    removed: 'PersonRemoved',
    erased: 'PersonErased',
  },
  facts: {
    PersonRolesAssigned: {
      data: z.object({ roles: z.array(z.string()) }),
      apply: (item, data) => withMembers(item, { roles: member(data, 'roles') ?? [] }),
    },
    PersonDeactivated: {
      data: z.object({}),
      apply: item => withMembers(item, { active: false }),
    },
    PersonReactivated: {
      data: z.object({}),
      apply: item => withMembers(item, { active: true }),
    },
    PersonPasswordSet: { data: z.object({}), apply: item => item },
    PersonHeld: { data: z.object({ reason: z.string() }), apply: item => item },
    PersonHoldLifted: { data: z.object({}), apply: item => item },
    PersonErasureCertified: { data: erasureEvents.PersonErasureCertified, apply: item => item },
  },
  notRemovable: item =>
    member(item, 'active') === false
      ? undefined
      : 'The person is active. Deactivate the person first: PUT …/active {"active": false}.',
  filters: {
    name: { kind: 'name', fields: ['name'] },
    lastname: { kind: 'name', fields: ['lastname'] },
    gender: { kind: 'text', fields: ['gender'], vocabulary: vocabularies.gender },
    dob: { kind: 'day', fields: ['dob'] },
    active: { kind: 'flag', fields: ['active'] },
  },
  readModelVersion: 2,
  endpoints: { collection: 'people', item: 'person' },
})
