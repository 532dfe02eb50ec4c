import { anything, count, flag, text, textOrNumber, word } from './fields.ts'
import { resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

export const institutions = resource({
  name: 'institutions',
  noun: 'institution',
  about: 'Institutions: hospitals, laboratories, primary care centres and whoever else gives health care.',
  examples: {
    item: {
      id: 'gral-hospital',
      code: 'SPAIN-LASPALMAS-GNUSOLIDARIO-GRAL_HOSPITAL',
      name: 'General Hospital',
      institution_type: 'hospital',
      beds: 900,
      operating_room: true,
      or_number: 12,
      public_level: 'public',
      teaching: true,
      trauma_center: true,
      trauma_level: 'one',
    },
    change: { beds: 950, heliport: true },
  },
  fields: {
    code: text,
    name: text,
    institution_type: word(vocabularies.institutionType),
    beds: count,
    operating_room: flag,
    or_number: count,
    public_level: word(vocabularies.publicLevel),
    teaching: flag,
    heliport: flag,
    trauma_center: flag,
    trauma_level: word(vocabularies.traumaLevel),
    specialties: anything,
    main_specialty: textOrNumber,
    extra_info: text,
  },
  events: {
    created: 'InstitutionRegistered',
    changed: 'InstitutionChanged',
    replaced: 'InstitutionReplaced',
    removed: 'InstitutionRemoved',
  },
  filters: {
    institution_type: {
      kind: 'text',
      fields: ['institution_type'],
      vocabulary: vocabularies.institutionType,
    },
  },
  endpoints: { collection: 'institutions', item: 'institutions' },
})
