import { anything, count, flag, gradeFrom, number, numberFrom, text, textOrNumber, word } from './fields.ts'
import { resource } from './resource.ts'
import { vocabularies } from './vocabularies.ts'

/** Domiciliary units: the places where people live, and the conditions they live in. */
export const domiciliaryUnits = resource({
  name: 'domiciliary-units',
  noun: 'unit',
  fields: {
    name: text,
    desc: text,
    address_street: text,
    address_street_number: textOrNumber,
    address_street_bis: text,
    address_district: text,
    address_municipality: text,
    address_city: text,
    address_zip: textOrNumber,
    address_country: text,
    address_subdivision: text,
    operational_sector: text,
    latitude: numberFrom(-90, 90),
    longitude: numberFrom(-180, 180),
    altitude: number,
    urladdr: text,
    dwelling: word(vocabularies.dwelling),
    materials: word(vocabularies.materials),
    roof_type: word(vocabularies.roofType),
    total_surface: numberFrom(0),
    bedrooms: count,
    bathrooms: count,
    // From a shanty to luxury.
    housing: gradeFrom(0, 4),
    sewers: flag,
    water: flag,
    trash: flag,
    electricity: flag,
    gas: flag,
    telephone: flag,
    television: flag,
    internet: flag,
    members: anything,
  },
  events: {
    created: 'DomiciliaryUnitRegistered',
    changed: 'DomiciliaryUnitChanged',
    replaced: 'DomiciliaryUnitReplaced',
    removed: 'DomiciliaryUnitRemoved',
  },
  filters: {
    dwelling: { kind: 'text', fields: ['dwelling'], vocabulary: vocabularies.dwelling },
  },
  endpoints: { collection: 'domiciliaryunits', item: 'domiciliaryunits' },
})
