import { describe, expect, it } from 'vitest'
import { numberIn } from '../../../cli/migrate/field-kinds.ts'
import { typeOfExtension } from '../../../cli/migrate/row-content.ts'
import { rowItemOf } from '../../../cli/migrate/row-item.ts'
import { tables } from '../../../cli/migrate/tables.ts'

const itemOf = (
  name: string,
  key: string,
  data: unknown,
  columns: Readonly<Record<string, string | null>> = {},
  words = {},
) => {
  const table = tables.find(one => one.name === name)
  if (table === undefined) throw new Error(name)
  const text = data === undefined ? null : typeof data === 'string' ? data : JSON.stringify(data)
  const row = { table, key, columns, data: text, document: undefined }
  return rowItemOf(row, { words, roleNames: ['end_user', 'root'] })
}

const dataOf = (...row: Parameters<typeof itemOf>) => JSON.parse(itemOf(...row).text)

describe('the item of a row', () => {
  it('has null for empty texts, numbers and flags for texts that are such, and all else as it came', () => {
    expect(
      dataOf('institutions', 'i', {
        ...{
          name: '',
          beds: ' 120 ',
          or_number: '1.20e1',
          teaching: 'FALSE',
          heliport: 1,
          trauma_center: '',
        },
        ...{ extra_info: '12', active: 'true', phone: '0034', nested: { beds: '', list: ['', '1'] } },
      }),
    ).toEqual({
      ...{ name: null, beds: 120, or_number: 12, teaching: false, heliport: true, trauma_center: null },
      ...{ extra_info: '12', active: true, phone: '0034', nested: { beds: '', list: ['', '1'] } },
    })
  })

  it('keeps members that name what objects have anyway', () => {
    const text = '{"__proto__": {"beds": ""}, "constructor": "", "beds": "1"}'
    expect(itemOf('dus', 'u', text).text).toBe(
      '{"__proto__":{"beds": ""},"constructor":null,"beds":"1"}'.replace(': ', ':'),
    )
  })

  it.each(['12 345', '1,5', '28.1°', 'NaN', '0x10', '12345678901234567890', '1e999', ''])(
    'leaves what is no number, or would not keep its value: %s',
    text => expect(numberIn(text)).toBeUndefined(),
  )

  it('has the person and page of the key columns, under their names here', () => {
    const { text, notes } = itemOf(
      'personal_docs',
      'd',
      { fedacct: 'ESPA', person: 'ESPB', pol: 'p', page: 'p', id: 'd' },
      { fedacct: 'espa', pol: 'p' },
    )
    expect(JSON.parse(text)).toEqual({ id: 'd', person: 'espa', page: 'p' })
    expect(notes).toEqual([
      {
        reason: 'data.person contradicts the key column, which counts',
        field: 'person',
        data: 'ESPB',
        column: 'espa',
      },
    ])
  })

  it('has no person where the key column names none, whatever the data says', () => {
    expect(dataOf('personal_docs', 'd', { fedacct: 'ESPA' }, { fedacct: null, pol: null })).toEqual({})
  })

  it('takes the key of a page over whatever its data says, also where that is no text', () => {
    const { id, text, notes } = itemOf(
      'pols',
      'p',
      { id: 7, book: ['ESPA'], person: 'ESPB' },
      { book: 'ESPA' },
    )
    expect([id, text]).toEqual(['ESPA/p', '{}'])
    expect(notes.map(({ field }) => field)).toEqual(['id', 'book', 'person'])
  })

  it('has words as the map says, in lists too, and names those that are left', () => {
    const words = { roles: { doctor: 'root', guest: null }, gender: { male: 'm' } }
    const { text, strangers } = itemOf(
      'people',
      'ESPA',
      { roles: ['doctor', 'guest', 'king', 'end_user'], gender: 'male' },
      {},
      words,
    )
    expect(JSON.parse(text)).toEqual({ roles: ['root', 'king', 'end_user'], gender: 'm' })
    expect(strangers).toEqual([{ field: 'roles', word: 'king' }])
  })

  it.each([['clear text'], [12345678], [{ a: 1 }], ['$2b$13$'.padEnd(60, 'a')], ['$2b$10$short']])(
    'never has a password that is no hash: %j',
    password => {
      const { text, notes } = itemOf('people', 'ESPA', { password })
      expect(text).toBe('{}')
      expect(notes).toHaveLength(1)
      expect(JSON.stringify(notes)).not.toContain(JSON.stringify(password))
    },
  )

  it('has nothing but nothing where data is null, and is none where it is a list or a text', () => {
    expect(itemOf('pols', 'p', undefined, { book: 'ESPA' }).text).toBe('{}')
    for (const data of ['[]', '"text"', '5'])
      expect(itemOf('pols', 'p', data, { book: 'ESPA' }).data).toBeUndefined()
  })
})

it.each([
  ['pdf', 'application/pdf'],
  ['.PDF', 'application/pdf'],
  ['scan.jpeg', 'image/jpeg'],
  [' dcm ', 'application/dicom'],
  ['unheard-of', 'application/octet-stream'],
  ['', 'application/octet-stream'],
  [undefined, 'application/octet-stream'],
])('the extension %j is of the type %s', (extension, type) => {
  expect(typeOfExtension(extension)).toBe(type)
})
