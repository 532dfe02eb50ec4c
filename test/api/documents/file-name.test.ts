import { parse } from 'content-disposition'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachment } from '../../../api/documents/file-name.ts'

const nameOf = (document: Parameters<typeof attachment>[0]): string | undefined =>
  parse(attachment(document)).parameters.filename

describe('the name under which a content is saved', () => {
  it.each([
    [{ id: 'x1', description: 'Chest X-ray', extension: 'pdf' }, 'Chest X-ray.pdf'],
    [{ id: 'x1', description: 'Radiografía de tórax', extension: '.PDF' }, 'Radiografía de tórax.PDF'],
    [{ id: 'x1', description: 'scan.pdf', extension: 'PDF' }, 'scan.pdf'],
    [{ id: 'x1' }, 'x1'],
    [{ id: 'a:b~c' }, 'a_b~c'],
    [{ id: 'x1', description: null, extension: 7 }, 'x1'],
    [{ id: 'x1', description: '../../etc/passwd' }, '_.._etc_passwd'],
    [{ id: 'x1', description: '.bashrc' }, 'bashrc'],
    [{ id: 'x1', description: 'a"; filename="b.exe' }, 'a_; filename=_b.exe'],
    [{ id: 'x1', description: 'line\r\nSet-Cookie: a=b' }, 'lineSet-Cookie_ a=b'],
    [{ id: 'x1', description: 'photo\u202Egpj.exe' }, 'photogpj.exe'],
    [{ id: 'x1', description: '...', extension: 'p/df' }, 'x1'],
    [{ id: 'x1', description: '报告', extension: 'png' }, '报告.png'],
    [{ id: 'x1', description: 'lone \ud800' }, 'lone \ufffd'],
  ])('of %j is %j', (document, name) => {
    expect(nameOf(document)).toBe(name)
  })

  it('is a header of one line, an attachment, and no path, whatever the document says', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 })
    fc.assert(
      fc.property(text, text, (description, extension) => {
        const header = attachment({ id: 'x1', description, extension })
        expect(header).toMatch(/^attachment; filename[ -~\xA0-\xFF]+$/)
        expect(header.length).toBeLessThan(4_000)
        const name = parse(header).parameters.filename ?? ''
        expect(name).not.toMatch(/[/\\\p{Cc}\p{Cf}]|^\./u)
        expect(name).not.toBe('')
      }),
    )
  })
})
