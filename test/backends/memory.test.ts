import { MemoryStorage } from '../../lib/backends/memory.ts'
import { testStorage } from '../../lib/testing/index.ts'

testStorage('MemoryStorage', () => new MemoryStorage())
