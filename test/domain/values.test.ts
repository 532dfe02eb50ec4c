import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { folded, foldedName } from '../../domain/filter.ts'
import { parseAccount, parseItemId } from '../../domain/identifiers.ts'
import { isBefore, parseDay, parseInstant } from '../../domain/instant.ts'
import {
  effectivePatch,
  equalJson,
  isObject,
  type JsonObject,
  mergePatch,
  patched,
} from '../../domain/json.ts'
import { formatPosition, parsePosition } from '../../domain/position.ts'

const json = fc.jsonValue({ maxDepth: 3 }).map(value => JSON.parse(JSON.stringify(value)))
const objects = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), json, { maxKeys: 4 })
  .map((value): JsonObject => JSON.parse(JSON.stringify(value)))
const seeded = { seed: 20261124, numRuns: 500 }

describe('a merge patch (RFC 7396)', () => {
  it('does what the RFC’s examples say', () => {
    const examples = [
      ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
      ['{"a":"b"}', '{"a":null}', '{}'],
      ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
      ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
      ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
      ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
      ['{"__proto__":1}', '{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
    ]
    for (const [target = '', patch = '', result] of examples)
      expect(JSON.stringify(mergePatch(JSON.parse(target), JSON.parse(patch)))).toBe(result)
  })

  it('and its effective part give the same; of no change the part is empty', () => {
    fc.assert(
      fc.property(objects, objects, (target, patch) => {
        const effective = effectivePatch(target, patch)
        const result = patched(target, patch)
        expect(equalJson(patched(target, effective), result)).toBe(true)
        expect(effectivePatch(result, effective)).toEqual({})
        if (equalJson(target, result)) expect(effective).toEqual({})
      }),
      seeded,
    )
  })
})

describe('equality of JSON', () => {
  it('does not see the order of members, and sees everything else', () => {
    fc.assert(
      fc.property(json, value => {
        const reversed = isObject(value) ? Object.fromEntries(Object.entries(value).reverse()) : value
        expect(equalJson(value, reversed)).toBe(true)
      }),
      seeded,
    )
    expect(equalJson({ a: null }, {})).toBe(false)
    expect(equalJson({ a: undefined as never }, { b: null })).toBe(false)
    expect(equalJson([1, 2], [2, 1])).toBe(false)
    expect(equalJson({}, [])).toBe(false)
  })
})

describe('an instant', () => {
  it.each([
    ['2021-05-06', '2021-05-06T00:00:00'],
    ['2021-05-06 21:00:00', '2021-05-06T21:00:00'],
    ['2021-05-06T20:59:41.123456', '2021-05-06T20:59:41.123456'],
    ['2021-05-06T20:59:41.500Z', '2021-05-06T20:59:41.5'],
    ['2021-05-06T23:30:00+02:00', '2021-05-06T21:30:00'],
    ['2021-12-31T23:30:00-0100', '2022-01-01T00:30:00'],
    ['2024-02-29', '2024-02-29T00:00:00'],
    ['0050-01-01T00:00:00+00:00', '0050-01-01T00:00:00'],
  ])('is read from %s', (text, instant) => expect(parseInstant(text)).toBe(instant))

  it.each([
    '',
    '2023-02-29',
    '2021-13-01',
    '2021-00-10',
    '2021-05-06T24:00:00',
    '2021-05-06T10:60:00',
    '21-05-06',
    '2021-05-06T10:00:00+25:00',
    ' 2021-05-06',
    '2021-05-06\n',
    '9999-12-31T23:59:59-01:00',
  ])('is not read from %j', text => expect(parseInstant(text)).toBeUndefined())
})

describe('a day', () => {
  it('is the date that was written, whatever time and zone follow', () => {
    for (const text of [
      '1985-10-04',
      '1985-10-04T00:00:00+02:00',
      '1985-10-04 23:59',
      '1985-10-04T10:00:00Z',
    ])
      expect(parseDay(text)).toBe('1985-10-04')
    for (const text of ['', 'soon', '1985-02-30', '1985-10-04T25:00']) expect(parseDay(text)).toBeUndefined()
  })

  it.each([
    ['2024-01-02', '2024-01-02T10:00:00Z', false],
    ['2024-01-01', '2024-01-02T10:00:00Z', true],
    ['2024-01-02T00:30:00+02:00', '2024-01-02', false],
    ['2024-01-01T23:30:00-02:00', '2024-01-02', true],
    ['2024-01-02T09:59:59', '2024-01-02T10:00:00', true],
    ['2024-01-02T11:00:00+02:00', '2024-01-02T10:00:00Z', true],
    ['soon', '2024-01-02', false],
  ])('or a moment: %s is before %s: %s', (first, second, isEarlier) =>
    expect(isBefore(first, second)).toBe(isEarlier),
  )
})

describe('identifiers', () => {
  it('of people are upper-cased, ASCII only', () => {
    expect(parseAccount('espgnu777org')).toBe('ESPGNU777ORG')
    for (const wrong of ['', 'ı', 'ß', 'a b', 'A'.repeat(65), '.', '..', 'a/b', 'A\n'])
      expect(parseAccount(wrong)).toBeUndefined()
  })
  it('of items stay as they come', () => {
    expect(parseItemId('a:B~c._-1')).toBe('a:B~c._-1')
    for (const wrong of ['', '..', 'a b', 'a/b', 'é', 'a'.repeat(129)])
      expect(parseItemId(wrong)).toBeUndefined()
  })
})

describe('a position', () => {
  const log = { id: 'a1', epoch: 1 }
  it('is read back in its own log only, of an earlier epoch too', () => {
    expect(parsePosition(log, formatPosition(log, 2n ** 60n))).toEqual({ epoch: 1, number: 2n ** 60n })
    expect(parsePosition(log, 'a1-0-5')).toEqual({ epoch: 0, number: 5n })
    for (const wrong of ['', '5', 'a1-1-', 'a1-1-05', 'a1-01-5', 'a1-1--1', 'a1-2-5', 'b1-1-5', 'a1-1-5x'])
      expect(parsePosition(log, wrong)).toBeUndefined()
  })
})

describe('text that filters compare', () => {
  it('does not know case or composition', () => {
    expect(folded('STRASSE')).toBe(folded('Straße'))
    expect(folded('ΟΔΥΣΣΕΥΣ')).toBe(folded('οδυσσευς'))
    expect(folded('N\u0075\u0301ria')).toBe(folded('NÚRIA'))
    expect(folded('a\0b')).toBe('ab')
  })
})

describe('a name that filters compare', () => {
  it.each([
    ['İbrahim', 'ibrahim'],
    ['IŞIL', 'ışıl'],
    ['Muñoz', 'munoz'],
    ['Mun\u0303oz', 'MUNOZ'],
    ['Straße', 'strasse'],
    ['STRAẞE', 'strasse'],
    ['Søren', 'soren'],
    ['Đặng', 'dang'],
    ['Łódź', 'lodz'],
    ['Ægir', 'aegir'],
    ['Œuvray', 'oeuvray'],
    ['Þórður', 'thordur'],
    ['Ħamrun', 'hamrun'],
    ['  Ana \u00a0\t María\n', 'ana maria'],
    ['Ｙａｍａｄａ', 'yamada'],
    ['ΟΔΥΣΣΈΥΣ', 'οδυσσευς'],
    ['Ёлкин', 'елкин'],
  ])('%j is %j', (name, other) => expect(foldedName(name)).toBe(foldedName(other)))

  it('is the same in capitals, composed or not, and folded again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), name => {
        const value = foldedName(name)
        expect(foldedName(value)).toBe(value)
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'])
          expect(foldedName(name.normalize(form))).toBe(value)
        expect(value).toBe(value.trim())
      }),
      { ...seeded, numRuns: 3_000 },
    )
  })

  it('keeps other names apart', () => {
    for (const [name, other] of [
      ['Ana', 'Anna'],
      ['Ana María', 'Anamaría'],
      ['Betz', 'Bétz-Ruiz'],
      ['', 'a'],
    ] as const)
      expect(foldedName(name)).not.toBe(foldedName(other))
  })
})
