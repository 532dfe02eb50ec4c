import { mixed } from '../../support/engines.ts'
import { endToEnd } from './end-to-end.ts'

for (const combination of mixed) endToEnd('node', combination)
