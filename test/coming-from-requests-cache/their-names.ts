/** Every public name of requests-cache 1.3, as its reference and user guide list them. */
export const theirNames: readonly string[] = `
  CachedSession CacheMixin wrap install_cache session_factory uninstall_cache is_installed get_cache
  enabled disabled clear delete remove_expired_responses cache_disabled settings CacheSettings
  get request send close autoclose hooks stream raw cookies

  cache_name backend serializer expire_after timedelta datetime None NEVER_EXPIRE -1
  EXPIRE_IMMEDIATELY 0 DO_NOT_CACHE urls_expire_after cache_control stale_if_error
  old_data_on_error stale_while_revalidate always_revalidate match_headers include_get_headers
  ignored_parameters DEFAULT_IGNORED_PARAMS content_root_key key_fn filter_fn allowable_methods
  X-HTTP-Method-Override allowable_codes read_only only_if_cached refresh force_refresh verify
  db_path db_name namespace table_name

  from_cache cache_key created_at expires expires_unix is_expired revalidated expires_delta ttl age
  size history next is_older_than revalidate reset_expiration request CachedRequest elapsed encoding
  CachedResponse OriginalResponse CachedHTTPResponse 504

  contains has_url delete_url delete_urls urls requests older_than invalid filter valid expired update
  recreate_keys create_key get_response save_response count response_count sorted responses redirects
  bulk_delete bulk_commit vacuum cache_dir paths lock normalize_request normalize_url
  normalize_headers normalize_body normalize_params redact_response

  sqlite filesystem redis mongodb gridfs dynamodb memory SQLiteCache FileCache RedisCache MongoCache
  GridFSCache DynamoDbCache BaseCache BaseStorage init_backend BACKEND_CLASSES
  use_cache_dir use_temp use_memory wal fast_save busy_timeout timeout isolation_level
  check_same_thread extension max_file_bytes max_cache_bytes block_bytes sync_index host port
  connection ttl_offset set_ttl get_ttl create_table region_name endpoint_url profile_name
  aws_access_key_id DictStorage SQLiteDict RedisDict RedisHashDict MongoDict GridFSDict DynamoDbDict
  FileDict LRUFileDict

  pickle pickle_serializer dict_serializer bson_document_serializer dynamodb_document_serializer json
  ujson orjson json_serializer yaml yaml_serializer bson bson_serializer safe_pickle_serializer
  signer_stage SerializerPipeline Stage dumps loads utf8_encoder CattrStage json_preconf_stage
  decode_content logging BadSignature
`
  .trim()
  .split(/\s+/)
