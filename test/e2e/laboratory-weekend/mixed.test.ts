import { mixed } from '../../support/engines.ts'
import { weekend } from './weekend.ts'

for (const combination of mixed) weekend('node', combination)
