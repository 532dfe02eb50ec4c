const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const value = `(?:${token}|"(?:[\\t !#-[\\]-~]|\\\\[\\t -~])*")`
// Each blank belongs to one place only: a pattern that could put it in two would try them all.
const parameter = `[\\t ]*;(?:[\\t ]*${token}=${value})?`

/** The form of a media type. */
export const mediaTypePattern = `^${token}/${token}(?:${parameter})*[\\t ]*$`
const form = new RegExp(mediaTypePattern)

export const mostTypeCharacters = 255

/** Whether a text is a media type with its parameters (RFC 9110, section 8.3.1), of at most 255 characters. */
export const isMediaType = (text: string): boolean => text.length <= mostTypeCharacters && form.test(text)
