import { expect, it } from 'vitest'
import { excerptOf, readmeBlocks } from '../../support/excerpt.ts'

it('is what the README prints on sending and receiving', () => {
  const weekend = new URL('./weekend.ts', import.meta.url).href
  expect(readmeBlocks('Send and receive', 'ts')).toEqual([excerptOf(weekend)])
})
