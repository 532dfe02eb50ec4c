import { createHash } from 'node:crypto'
import bcrypt from 'bcrypt'
import { documentRow, originalTables, pageRow, rowIn, type Statement } from './postgresql.ts'

export const sha512Of = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex')
export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

export const password = 'gnusolidario'
export const hash = bcrypt.hashSync(password, 4)
export const clearText = 'in clear text by PATCH'

/** A scan of more pieces than are fetched at once. */
export const scan = Buffer.alloc(2_500_000, 'a scan of several pieces; ')
export const report = Buffer.from('%PDF-1.7 a report')
const nothing = Buffer.alloc(0)
export const large = Buffer.alloc(3 * 1024 * 1024, 1)

const people: readonly Statement[] = [
  rowIn('people', 'ARGBUE111FAV', {
    id: 'ARGBUE111FAV',
    password: bcrypt.hashSync('freedom', 5),
    roles: ['root'],
    active: true,
  }),
  rowIn('people', 'ITAPYT999HON', {
    name: 'Cameron',
    lastname: 'Cordara',
    password: hash.replace(/^\$2b\$/, '$2y$'),
    roles: ['end_user', 'health_professional'],
    active: 'true',
    creation_info: { user: 'root', timestamp: '2019-01-02 03:04:05.678901', node: 'N' },
  }),
  rowIn('people', 'ESPGNU777ORG', {
    name: 'Ana',
    lastname: 'Betz',
    dob: '',
    password: hash,
    gender: 'f',
    roles: null,
  }),
  // Of these two only the one in upper case could ever log in. The other one comes first as rows lie.
  rowIn('people', 'espold111old', { name: 'another', roles: ['end_user'] }),
  rowIn('people', 'ESPOLD111OLD', { name: 'the one', password: hash.replace(/^\$2b\$/, '$2a$') }),
  rowIn('people', 'espsol222oly', { name: 'alone', active: true }),
  rowIn('people', 'ESPCLE333ART', { name: 'Clear', password: clearText }),
  rowIn('people', 'ESPDEA444RLY', { name: 'Dear', password: hash.replace('$04$', '$14$') }),
  rowIn('people', 'ESPNUL555LLL'),
  rowIn('people', 'ESPJSO666NUL', 'null'),
  rowIn('people', 'ESPARR777AYS', [{ name: 'in a list' }]),
  rowIn('people', 'ESPROL888ESS', { roles: ['end_user', 'doctor'], password: hash }),
  rowIn('people', 'ESPOTH999ERR', { id: 'ESPGNU777ORG', name: 'Other' }),
  rowIn(
    'people',
    'ESPNUM000BER',
    `{"name": "Num", "chip": 12345678901234567890, "password": "${clearText}"}`,
  ),
  rowIn('people', 'two words', { name: 'Two' }),
]

const places: readonly Statement[] = [
  rowIn('institutions', 'gral', {
    name: 'General',
    beds: '120',
    teaching: 'True',
    heliport: 0,
    institution_type: 'hospital',
    extra_info: '',
  }),
  rowIn('institutions', 'uni', { institution_type: 'university_hospital', active: 'true' }),
  rowIn('institutions', 'with space', { name: 'Spacious' }),
  rowIn('dus', 'GC-001', {
    latitude: '28.1',
    longitude: '-15.4',
    address: 'Calle Mayor 12',
    water: '1',
    gas: 'no',
    housing: '3',
    desc: '',
  }),
  rowIn('dus', 'GC-002', { latitude: 'north', dwelling: 'castle' }),
  rowIn('dus', 'GC-003', { dwelling: 'castle', bedrooms: '4' }),
]

const pages: readonly Statement[] = [
  pageRow('p-hmis', 'ESPGNU777ORG', {
    id: 'p-hmis',
    book: 'ESPGNU777ORG',
    page_date: '2024-01-02T03:04:05',
    page_type: 'medical',
    measurements: "{'bp': {'systolic': 120, 'diastolic': 80}, 'hr': 70}",
    relevance: '',
    privacy: 'false',
  }),
  pageRow('p-my', 'ESPGNU777ORG', {
    page: 'p-my',
    domain: 'lifestyle',
    context: 'social_activities',
    relevance: null,
  }),
  pageRow('p-book', 'ESPGNU777ORG', { book: 'ITAPYT999HON', id: 'another', summary: 'whose?' }),
  pageRow('p-null', 'ESPGNU777ORG'),
  pageRow('p-lower', 'espold111old', { summary: 'of the one in lower case' }),
  pageRow('p-alone', 'espsol222oly', { summary: 'of the one alone' }),
  pageRow('p-nobody', null, { summary: 'nobody’s' }),
  pageRow('p-roles', 'ESPROL888ESS', { summary: 'of a person who was not taken' }),
  pageRow('p-item', 'ESPGNU777ORG', { info: 'i'.repeat(950 * 1024) }),
  pageRow('p-line', 'ESPGNU777ORG', { info: 'l'.repeat(1024 * 1024) }),
]

const documents: readonly Statement[] = [
  documentRow('d-scan', 'ESPGNU777ORG', 'p-hmis', scan, {
    type: 'scan',
    extension: 'PNG',
    hash: sha512Of(scan).toUpperCase(),
    active: 'true',
  }),
  documentRow('d-report', 'ESPGNU777ORG', null, report, {
    fedacct: 'ITAPYT999HON',
    pol: 'p-my',
    extension: '.pdf',
    hash: sha512Of(report),
  }),
  documentRow('d-unchecked', 'espsol222oly', null, nothing, { extension: 'unheard-of' }),
  documentRow('d-wrong', 'ESPGNU777ORG', null, report, { hash: sha512Of(scan) }),
  documentRow('d-large', 'ESPGNU777ORG', null, large, { hash: sha512Of(large) }),
  documentRow('d-empty', 'ESPGNU777ORG', null, null, { description: 'only a record' }),
  documentRow('d-lower', 'espold111old', null, report, { hash: sha512Of(report) }),
]

/** A database of the original with everything odd that was seen in one. */
export const oddOriginal: readonly (string | Statement)[] = [
  ...originalTables,
  ...people,
  ...places,
  ...pages,
  ...documents,
]

/** A database of the original with nothing odd in it: a root, a person, a page, and a document with its content. */
export const smallOriginal: readonly (string | Statement)[] = [
  ...originalTables,
  rowIn('people', 'ARGBUE111FAV', {
    id: 'ARGBUE111FAV',
    password: bcrypt.hashSync('freedom', 5),
    roles: ['root'],
    active: true,
  }),
  ...['ESPGNU777ORG', 'ITAPYT999HON'].map(id =>
    rowIn('people', id, {
      id,
      name: 'Ana',
      lastname: 'Betz',
      password: hash,
      roles: ['end_user'],
      active: true,
    }),
  ),
  pageRow('p-small', 'ESPGNU777ORG', { page_date: '2024-01-02T03:04:05', page_type: 'medical' }),
  documentRow('d-scan', 'ESPGNU777ORG', 'p-small', scan, { extension: 'png', hash: sha512Of(scan) }),
]
