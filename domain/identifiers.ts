/**
 * A federation account: 1 to 64 of `A–Z 0–9 . _ -` in upper case; lower case names the same person. Undefined for
 * anything else. (The check comes before the upper-casing: `ı`.toUpperCase() is `I`.)
 */
export const parseAccount = (text: string): string | undefined =>
  /^[A-Za-z0-9._-]{1,64}$/.test(text) && text !== '.' && text !== '..' ? text.toUpperCase() : undefined

/** The id of any other item: 1 to 128 of `A–Z a–z 0–9 . _ ~ : -`, as it comes; `.` and `..` cannot be paths. */
export const parseItemId = (text: string): string | undefined =>
  /^[A-Za-z0-9._~:-]{1,128}$/.test(text) && text !== '.' && text !== '..' ? text : undefined
