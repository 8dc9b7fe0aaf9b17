/** What the tests call the backends, and what DynamoDB Local wants to be told. */

/** By what is tested: the class, or the kind of server below it. */
export const backendNames = ['redis', 'redis-cluster', 'mongodb', 'gridfs', 'dynamodb'] as const
export type BackendName = (typeof backendNames)[number]

/** Anything will do for DynamoDB Local, but each access key and region has its own tables. */
export const localDynamo = {
  region: 'local',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
} as const
