import { describe, expect, it } from 'vitest'
import { problemAnswer, sentenceOf } from '../../../api/http/problem.ts'

describe('a token that lacks scopes', () => {
  const answerTo = (...needed: readonly string[]) => {
    const failure = { _tag: 'ScopeMissing', needed } as const
    return { sentence: sentenceOf(failure), header: problemAnswer(failure).headers?.['WWW-Authenticate'] }
  }

  it('is told the one that is needed', () => {
    const { sentence, header } = answerTo('pols:read')
    expect(sentence).toBe('The access token lacks the scope pols:read.')
    expect(header).toContain('error="insufficient_scope", scope="pols:read"')
  })
  it('is told all that are needed together', () => {
    const { sentence, header } = answerTo('history:read', 'pols:read')
    expect(sentence).toBe('The access token needs all of these scopes: history:read, pols:read.')
    expect(header).toContain('error="insufficient_scope", scope="history:read pols:read"')
  })
  it('is told that no scope would do', () => {
    const { sentence, header } = answerTo()
    expect(sentence).toBe('This is for people only: no scope opens it.')
    expect(header).toMatch(/error="insufficient_scope"$/)
  })
})
