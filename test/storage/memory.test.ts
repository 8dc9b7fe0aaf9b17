import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { testCache, testStorage } from '../../lib/testing/index.ts'

testStorage('MemoryStorage', () => new MemoryStorage())
testCache('BaseCache', () => new BaseCache())
