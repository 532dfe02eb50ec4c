/** Text of letters of one, two and three bytes without any order, the same each time: hardly anything makes it shorter. */
export const noise = (bytes: number): string => {
  let state = 1
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const letter = (): number => {
    const kind = below(100)
    if (kind < 82) return 0x23 + below(57)
    return kind < 95 ? 0x80 + below(0x780) : 0x800 + below(0xd000)
  }
  let text = ''
  for (let taken = 0; taken < bytes; ) {
    const one = String.fromCharCode(letter())
    text += one
    taken += Buffer.byteLength(one)
  }
  return text
}
