import { embedded } from '../../support/engines.ts'
import { endToEnd } from './end-to-end.ts'

endToEnd('deno', embedded)
