import { embedded } from '../../support/engines.ts'
import { weekend } from './weekend.ts'

weekend('node', embedded)
