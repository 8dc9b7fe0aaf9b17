/** Options that caches have in common. */
import { isBytes, type Rules } from '../check-options.ts'
import { serializerRule, type SerializerOption } from '../serializers/serializer.ts'

/** What can be tuned of every cache that can be kept hot. */
export interface CacheTuning extends SerializerOption {
  /** Bytes of bodies kept decoded in this process, in front of the storages; 0 keeps none. */
  readonly hotTierBytes?: number | undefined
  /**
   * Bytes of heads and bodies that may be stored; what has not been used for the longest is deleted
   * for what is new. Several processes may be over it together, for a moment. Default: no limit.
   */
  readonly maxCacheBytes?: number | undefined
}

/** Checks of `CacheTuning`. */
export const tuningRules: Rules<CacheTuning> = {
  hotTierBytes: isBytes,
  maxCacheBytes: isBytes,
  serializer: serializerRule,
}
